import type { StoreOpener } from "./stores/store-opener.ts";

export type { ClientAccount, Identity } from "./account/account.ts";
export type { AccountCredentials } from "./account/credentials.ts";
export type { ExportedConversation } from "./account/export-everything.ts";
export type { ReauthenticationProof } from "./account/reauthenticate.ts";
export type {
  AccountSecondFactors,
  CreatePasskey,
  PasskeyCreationOptions,
  TotpStarted,
} from "./account/second-factors.ts";
export type { AccountSessions } from "./account/sessions.ts";
export type { Credentials, NewAccount } from "./api/user-api.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export type { ClientEvents, ClientStatus } from "./client-events.ts";
export type { Blocks, Contacts, Named, Privacy } from "./contacts/contacts.ts";
export type { Attention, Conversation, Conversations, HistoryEntry, Member } from "./conversations.ts";
export type { Message } from "./inbox/message-feed.ts";
export type { Notification, Notifications } from "./notifications/notifications.ts";
export type { NotificationPreferences, Preferences, QuietHours } from "./notifications/preferences.ts";
export type { Push, PushTarget } from "./push/push.ts";
export type { MessageState } from "./rows/message-rows.ts";
export type { SentMessage } from "./send/send-queue.ts";
export type {
  AskSecondFactor,
  GetPasskey,
  PasskeyRequestOptions,
  SecondFactorAnswer,
  SecondFactorOffer,
} from "./session/prove-second-factor.ts";
export type { SignInCredentials } from "./session/sign-in.ts";
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
