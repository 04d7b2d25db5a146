import type { Transaction } from "@sotto/e2ee/store";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import type { MessageContent } from "../message-content.ts";
import { insertMessage } from "../rows/message-rows.ts";
import { insertQueuedSend, type QueuedSend } from "../rows/queue-rows.ts";

/**
 * Queues a message, and shows it in the history when it is a new text, in the caller's transaction: once that is
 * committed the message will be sent, by this process or a later one. Hand it to `SendQueue.adopt` then.
 */
export async function queueMessage(
  tx: Transaction,
  { uuid }: Pick<ClientContext, "uuid">,
  conversationId: string,
  plain: MessageContent,
): Promise<QueuedSend> {
  const messageId = uuid();
  if (plain.type !== "text" || plain.resendOf !== undefined) {
    return insertQueuedSend(tx, { messageId, conversationId, plain });
  }
  const own = await getOwnAccount(tx);
  const { place } = await insertMessage(tx, {
    messageId,
    conversationId,
    senderAccountId: own.accountId,
    senderDeviceId: own.deviceId,
    state: "queued",
    text: plain.body.text,
    sentAt: plain.sentAt,
  });
  return insertQueuedSend(tx, { messageId, conversationId, plain, place });
}
