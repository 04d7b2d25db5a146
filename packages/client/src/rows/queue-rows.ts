import type { SendMessageRequest } from "@sotto/contracts/message-api";
import type { StoreReader, Transaction } from "@sotto/e2ee/store";
import type { MessageContent } from "../message-content.ts";
import { jsonTable, nextNumber, numberKey } from "./json-table.ts";

export type SealedContent = {
  /** Base64, all three. */
  readonly content: string;
  readonly contentKey: string;
  readonly contentHash: string;
};

/**
 * A send that the server has not answered for good. It grows: first what to say, then the sealed content (once, so
 * that every later attempt carries the same), then the whole request; a retry repeats the request byte for byte.
 */
export type QueuedSend = {
  /** Order of sending; the key of the row. */
  readonly number: number;
  readonly messageId: string;
  readonly conversationId: string;
  /** Place of the message in the history; absent for what no history shows. */
  readonly place?: number;
  readonly plain: MessageContent;
  readonly sealed?: SealedContent;
  readonly request?: SendMessageRequest;
};

const queue = jsonTable<QueuedSend>("client-queue");

export async function insertQueuedSend(
  tx: Transaction,
  send: Omit<QueuedSend, "number">,
): Promise<QueuedSend> {
  const row = { ...send, number: await nextNumber(tx, "queue") };
  queue.put(tx, numberKey(row.number), row);
  return row;
}

export function findQueuedSend(reader: StoreReader, number: number): Promise<QueuedSend | undefined> {
  return queue.get(reader, numberKey(number));
}

/** Everything that waits, in the order of sending. */
export async function listQueuedSends(reader: StoreReader): Promise<QueuedSend[]> {
  return (await queue.list(reader)).map((row) => row.value);
}

export function updateQueuedSend(tx: Transaction, send: QueuedSend): void {
  queue.put(tx, numberKey(send.number), send);
}

export function deleteQueuedSend(tx: Transaction, number: number): void {
  queue.delete(tx, numberKey(number));
}
