import { archiveSession } from "@sotto/e2ee/sessions";
import type { Transaction } from "@sotto/e2ee/store";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import { isoTime } from "../clock.ts";
import type { MessageContent } from "../message-content.ts";
import { findConversation, findDirect, putDirect } from "../rows/conversation-rows.ts";
import { findMessage, type MessageRow, updateMessage } from "../rows/message-rows.ts";
import type { SendQueue } from "../send/send-queue.ts";
import type { FrameOutcome } from "./process-frame.ts";

type Deps = Pick<ClientContext, "clock" | "store" | "transact"> & {
  readonly queue: Pick<SendQueue, "enqueue">;
};

/** One message is sent again at most this often; it is asked for once, when its placeholder is made. */
const MAX_RESENDS = 5;

/** Problems of a session, which a new session mends. The others would only come back. */
const curable = new Set(["no_session", "decrypt_failed", "unknown_prekey", "too_far_ahead", "bad_content"]);

/**
 * Mends what could not be opened. The device that could not open a message gives up its session with the sender, and
 * asks by a control message, which therefore travels on a new session; the sender repeats the text on that one.
 */
export async function heal(deps: Deps, outcome: FrameOutcome): Promise<void> {
  for (const row of outcome.undecryptable) await askAgain(deps, row);
  for (const { conversationId, of } of outcome.resendRequests) await sendAgain(deps, conversationId, of);
}

async function askAgain({ clock, transact, queue }: Deps, row: MessageRow): Promise<void> {
  if (!curable.has(row.problem ?? "")) return;
  const isAsked = await transact(async (tx) => {
    if (!(await canAnswer(tx, row))) return false;
    await archiveSession(tx, { accountId: row.senderAccountId, deviceId: row.senderDeviceId });
    return true;
  });
  if (!isAsked) return;
  const sentAt = isoTime(clock.now());
  const body = { of: row.messageId, toDeviceId: row.senderDeviceId };
  await queue.enqueue(row.conversationId, { type: "resend-request", body, sentAt });
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

async function sendAgain({ transact, queue }: Deps, conversationId: string, of: string): Promise<void> {
  const content = await transact(async (tx): Promise<MessageContent | undefined> => {
    const own = await getOwnAccount(tx);
    const sent = { senderAccountId: own.accountId, senderDeviceId: own.deviceId, messageId: of };
    const row = await findMessage(tx, sent);
    if (row?.conversationId !== conversationId || (row.resends ?? 0) >= MAX_RESENDS) return undefined;
    if (row.text === undefined || row.sentAt === undefined || row.state !== "accepted") return undefined;
    updateMessage(tx, { ...row, resends: (row.resends ?? 0) + 1 });
    return { type: "text", body: { text: row.text }, sentAt: row.sentAt, resendOf: of };
  });
  if (content !== undefined) await queue.enqueue(conversationId, content);
}
