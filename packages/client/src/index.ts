import type { StoreOpener } from "./stores/store-opener.ts";

export type { Credentials, NewAccount } from "./api/user-api.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export type { ClientEvents, ClientStatus } from "./client-events.ts";
export type { Conversation, Conversations, HistoryEntry, Member } from "./conversations.ts";
export type { Message } from "./inbox/message-feed.ts";
export type { MessageState } from "./rows/message-rows.ts";
export type { SentMessage } from "./send/send-queue.ts";
export { type ClientErrorCode, SottoError, type SottoErrorCode } from "./sotto-error.ts";
export { memoryStore } from "./stores/memory-store.ts";
export type { StoreOpener } from "./stores/store-opener.ts";

/**
 * A store in one file, for Node. Beside `path` there are its write-ahead log while it is open, and `path.key`, the
 * key under which the values are encrypted: without that file the store cannot be read. All are readable by their
 * owner alone. One process at a time; a dead process leaves no lock behind.
 */
export function sqliteStore(path: string): StoreOpener {
  return {
    async open() {
      const { openSqliteStore } = await import("#sqlite-store");
      return openSqliteStore(path);
    },
  };
}
