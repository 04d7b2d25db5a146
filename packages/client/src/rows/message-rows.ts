import type { KeyRange, StoreReader, Transaction } from "@sotto/e2ee/store";
import { jsonTable, nextNumber, numberKey } from "./json-table.ts";

/**
 * `queued` to `accepted` or `refused`: sent from here. `received`: came from another device, also one of our own.
 * `undecryptable`: a placeholder for what came and could not be opened.
 */
export type MessageState = "queued" | "accepted" | "refused" | "received" | "undecryptable";

export type MessageRow = {
  /** Place in this device's history; the key of the row. */
  readonly place: number;
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderAccountId: string;
  readonly senderDeviceId: string;
  readonly state: MessageState;
  readonly text?: string;
  /** By the sender's clock. */
  readonly sentAt?: string;
  /** By the server's clock. */
  readonly acceptedAt?: string;
  /** Why it was refused, or could not be opened. */
  readonly problem?: string;
  /** How often this device has sent it again, because another one could not open it. */
  readonly resends?: number;
};

type Sender = Pick<MessageRow, "senderAccountId" | "senderDeviceId" | "messageId">;

const messages = jsonTable<MessageRow>("client-message");
const places = jsonTable<number>("client-message-place");
const timeline = jsonTable<number>("client-timeline");
/** What `messages()` yields: position to place. A healed message gets its position when it is healed. */
const feed = jsonTable<number>("client-feed");

/** The sender belongs to the key: nobody can occupy the id of another sender's message. */
function identity({ senderAccountId, senderDeviceId, messageId }: Sender): string {
  return `${senderAccountId}/${senderDeviceId}/${messageId}`;
}

export async function findMessage(reader: StoreReader, sender: Sender): Promise<MessageRow | undefined> {
  const place = await places.get(reader, identity(sender));
  return place === undefined ? undefined : messages.get(reader, numberKey(place));
}

export function findMessageAt(reader: StoreReader, place: number): Promise<MessageRow | undefined> {
  return messages.get(reader, numberKey(place));
}

/** Appends a message to the history; `findMessage` must have found none. */
export async function insertMessage(
  tx: Transaction,
  message: Omit<MessageRow, "place">,
): Promise<MessageRow> {
  const place = await nextNumber(tx, "message");
  const row = { ...message, place };
  messages.put(tx, numberKey(place), row);
  places.put(tx, identity(row), place);
  timeline.put(tx, `${row.conversationId}/${numberKey(place)}`, place);
  return row;
}

export function updateMessage(tx: Transaction, row: MessageRow): void {
  messages.put(tx, numberKey(row.place), row);
}

/** Makes `messages()` yield the message. */
export async function appendToFeed(tx: Transaction, row: MessageRow): Promise<void> {
  feed.put(tx, numberKey(await nextNumber(tx, "feed")), row.place);
}

export type FeedEntry = { readonly position: number; readonly row: MessageRow };

/** The entries after position `since`, oldest first. */
export async function listFeed(reader: StoreReader, since: number, limit: number): Promise<FeedEntry[]> {
  const entries = await feed.list(reader, { from: numberKey(since + 1), limit });
  const found: FeedEntry[] = [];
  for (const { key, value: place } of entries) {
    const row = await findMessageAt(reader, place);
    if (row !== undefined) found.push({ position: Number(key), row });
  }
  return found;
}

/** One conversation's messages after `afterPlace`, in the order of this device's history. */
export async function listTimeline(
  reader: StoreReader,
  conversationId: string,
  afterPlace: number,
  limit: number,
): Promise<MessageRow[]> {
  const range: KeyRange = {
    from: `${conversationId}/${numberKey(afterPlace + 1)}`,
    // "0" is the character after "/".
    to: `${conversationId}0`,
    limit,
  };
  const rows = await timeline.list(reader, range);
  const found = await Promise.all(rows.map(({ value }) => findMessageAt(reader, value)));
  return found.filter((row) => row !== undefined);
}
