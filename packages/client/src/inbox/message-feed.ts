import type { DeviceStore } from "@sotto/e2ee/store";
import { lastNumber } from "../rows/json-table.ts";
import { listFeed, type MessageRow } from "../rows/message-rows.ts";
import { findPerson } from "../rows/person-rows.ts";
import type { SottoError } from "../sotto-error.ts";

/** A message from another device: of somebody else, or sent by this account elsewhere. */
export type Message = {
  /** Where it stands in this store's feed: `messages({ since: position })` goes on after it. */
  readonly position: number;
  readonly messageId: string;
  readonly conversationId: string;
  readonly sender: {
    readonly accountId: string;
    readonly username?: string | undefined;
    readonly deviceId: string;
  };
  readonly text: string;
  /** By the sender's clock, ISO 8601. */
  readonly sentAt: string;
  /** By the server's clock, ISO 8601. */
  readonly acceptedAt: string;
};

const PAGE = 100;

/**
 * The messages of this store, in the order in which they became readable here. Every reader sees every message from
 * its starting point on, once, independently of the others; the store is the buffer, so a slow reader costs no memory.
 */
export class MessageFeed {
  readonly #store: DeviceStore;
  readonly #sleepers = new Set<() => void>();
  #openedAt = 0;
  #halt: SottoError | undefined;
  #isClosed = false;

  constructor(store: DeviceStore) {
    this.#store = store;
  }

  /** Readers without a starting point begin here: at what this client found when it was opened. */
  async load(): Promise<void> {
    this.#openedAt = await lastNumber(this.#store, "feed");
  }

  notify(): void {
    for (const wake of this.#sleepers) wake();
    this.#sleepers.clear();
  }

  /**
   * Nothing more can come before the user signs in: every reader throws `error` after what the store holds, also one
   * that begins before `resume`.
   */
  halt(error: SottoError): void {
    this.#halt = error;
    this.notify();
  }

  resume(): void {
    this.#halt = undefined;
  }

  /** Ends every reader after what the store holds. */
  close(): void {
    this.#isClosed = true;
    this.notify();
  }

  async *read(since: number | undefined): AsyncGenerator<Message, void, undefined> {
    let position = since ?? this.#openedAt;
    while (!this.#isClosed) {
      // Before the store is asked, so that what comes meanwhile wakes this reader.
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#sleepers.add(resolve);
      try {
        const messages = await readStoredMessages(this.#store, position, PAGE);
        for (const message of messages) {
          position = message.position;
          yield message;
        }
        if (messages.length > 0 || this.#isClosed) continue;
        if (this.#halt !== undefined) throw this.#halt;
        await promise;
      } finally {
        this.#sleepers.delete(resolve);
      }
    }
  }
}

/** Up to `limit` messages after position `since`, oldest first. */
export async function readStoredMessages(
  store: DeviceStore,
  since: number,
  limit: number,
): Promise<Message[]> {
  const entries = await listFeed(store, since, limit);
  return Promise.all(entries.map(({ position, row }) => toMessage(store, position, row)));
}

async function toMessage(store: DeviceStore, position: number, row: MessageRow): Promise<Message> {
  const { senderAccountId: accountId, senderDeviceId: deviceId } = row;
  const username = (await findPerson(store, accountId))?.username;
  return {
    position,
    messageId: row.messageId,
    conversationId: row.conversationId,
    sender: { accountId, username, deviceId },
    text: row.text ?? "",
    sentAt: row.sentAt ?? row.acceptedAt ?? "",
    acceptedAt: row.acceptedAt ?? "",
  };
}
