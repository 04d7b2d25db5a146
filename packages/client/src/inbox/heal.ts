import { archiveSession } from "@sotto/e2ee/sessions";
import type { Transaction } from "@sotto/e2ee/store";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import { isoTime } from "../clock.ts";
import { findConversation, findDirect, putDirect } from "../rows/conversation-rows.ts";
import { findMessage, type MessageRow, updateMessage } from "../rows/message-rows.ts";
import type { QueuedSend } from "../rows/queue-rows.ts";
import { queueMessage } from "../send/queue-message.ts";

type Deps = Pick<ClientContext, "clock" | "uuid">;

/** That another device asks this one to send message `of` again. */
export type ResendRequest = { readonly conversationId: string; readonly of: string };

/** One message is sent again at most this often; it is asked for once, when its placeholder is made. */
const MAX_RESENDS = 5;

/** Problems of a session, which a new session mends. The others would only come back. */
const curable = new Set(["no_session", "decrypt_failed", "unknown_prekey", "too_far_ahead", "bad_content"]);
const repeatable = new Set<MessageRow["state"]>(["queued", "accepted"]);

/**
 * Mends a session by which `row` could not be opened: gives it up, and queues a control message to the sender, which
 * therefore travels on a new session; the sender repeats the text on that one. Undefined when that would not help. In
 * the transaction that makes the placeholder: nobody would ask later, since a placeholder is asked for once.
 */
export async function askAgain(
  tx: Transaction,
  deps: Deps,
  row: MessageRow,
): Promise<QueuedSend | undefined> {
  if (!curable.has(row.problem ?? "") || !(await canAnswer(tx, row))) return undefined;
  await archiveSession(tx, { accountId: row.senderAccountId, deviceId: row.senderDeviceId });
  const sentAt = isoTime(deps.clock.now());
  const body = { of: row.messageId, toDeviceId: row.senderDeviceId };
  return queueMessage(tx, deps, row.conversationId, { type: "resend-request", body, sentAt });
}

/** Nothing of an unknown conversation could be opened, so it is taken for a direct one with the sender. */
async function canAnswer(tx: Transaction, { conversationId, senderAccountId }: MessageRow): Promise<boolean> {
  const conversation = await findConversation(tx, conversationId);
  if (conversation !== undefined) return conversation.members.includes(senderAccountId);
  const { accountId: ownId } = await getOwnAccount(tx);
  if (senderAccountId === ownId || (await findDirect(tx, senderAccountId)) !== undefined) return false;
  putDirect(tx, ownId, senderAccountId, conversationId);
  return true;
}

/**
 * Queues the text of a message of this device once more; undefined when there is no such message in that conversation,
 * or it was repeated often enough. One whose acceptance is not known here yet goes out before its repetition, since a
 * conversation is sent in order. In the transaction that takes the ratchet step of the request: it opens only once.
 */
export async function sendAgain(
  tx: Transaction,
  deps: Deps,
  { conversationId, of }: ResendRequest,
): Promise<QueuedSend | undefined> {
  const own = await getOwnAccount(tx);
  const sent = { senderAccountId: own.accountId, senderDeviceId: own.deviceId, messageId: of };
  const row = await findMessage(tx, sent);
  if (row?.conversationId !== conversationId || (row.resends ?? 0) >= MAX_RESENDS) return undefined;
  if (row.text === undefined || row.sentAt === undefined || !repeatable.has(row.state)) return undefined;
  updateMessage(tx, { ...row, resends: (row.resends ?? 0) + 1 });
  const content = { type: "text", body: { text: row.text }, sentAt: row.sentAt, resendOf: of } as const;
  return queueMessage(tx, deps, conversationId, content);
}
