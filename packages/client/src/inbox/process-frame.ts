import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type { Transaction } from "@sotto/e2ee/store";
import { type ClientContext, getOwnAccount } from "../client-context.ts";
import type { MessageContent, TextContent } from "../message-content.ts";
import type { OwnAccount } from "../rows/account-rows.ts";
import { findConversation, findDirect, putDirect } from "../rows/conversation-rows.ts";
import { putHeld } from "../rows/held-rows.ts";
import {
  appendToFeed,
  findMessage,
  insertMessage,
  type MessageRow,
  updateMessage,
} from "../rows/message-rows.ts";
import type { QueuedSend } from "../rows/queue-rows.ts";
import { askAgain, type ResendRequest, sendAgain } from "./heal.ts";
import { EnvelopeProblem, openEnvelope } from "./open-envelope.ts";

/** What a frame led to, for everything that happens after its transaction. */
export type FrameOutcome = {
  /** New entries of the feed. */
  shown: number;
  readonly undecryptable: MessageRow[];
  /** What is to be sent because of it: to be handed to the queue when the transaction is committed. */
  readonly queued: QueuedSend[];
  /** Claimed names, by account; to be looked up. */
  readonly names: Map<string, string>;
};

export type FrameOptions = Pick<ClientContext, "clock" | "uuid"> & {
  readonly keepUsedPrekeys: boolean;
  /** What nobody foresaw becomes a placeholder too: set when the frame has failed before, so that it cannot block. */
  readonly isTolerant: boolean;
};

type Frame = FrameOptions & {
  readonly tx: Transaction;
  readonly own: OwnAccount;
  readonly outcome: FrameOutcome;
  readonly resendRequests: ResendRequest[];
};

/**
 * Processes envelopes in their order, in the caller's one transaction: ratchet steps, messages, placeholders and what
 * heals them commit together, and only then may the envelopes be acknowledged. An envelope that cannot be opened becomes a placeholder
 * and stops nothing; one that was processed before changes nothing.
 */
export async function processFrame(
  tx: Transaction,
  envelopes: readonly InboxEnvelope[],
  options: FrameOptions,
): Promise<FrameOutcome> {
  const outcome: FrameOutcome = { shown: 0, undecryptable: [], queued: [], names: new Map() };
  const frame: Frame = { ...options, tx, own: await getOwnAccount(tx), outcome, resendRequests: [] };
  for (const envelope of envelopes) await processEnvelope(frame, envelope);
  for (const row of outcome.undecryptable) await heal(frame, (inner) => askAgain(inner, options, row));
  for (const request of frame.resendRequests) {
    await heal(frame, (inner) => sendAgain(inner, options, request));
  }
  return outcome;
}

/** Healing is queued with what it heals: nothing asks for it a second time. Even so it must not block the frame. */
async function heal(
  { tx, outcome, isTolerant }: Frame,
  plan: (inner: Transaction) => Promise<QueuedSend | undefined>,
): Promise<void> {
  try {
    const send = await tx.nested(plan);
    if (send !== undefined) outcome.queued.push(send);
  } catch (error) {
    if (!isTolerant) throw error;
  }
}

async function processEnvelope(frame: Frame, envelope: InboxEnvelope): Promise<void> {
  const { tx, keepUsedPrekeys } = frame;
  const known = await findMessage(tx, envelope);
  if (known !== undefined && known.state !== "undecryptable") return;
  try {
    const effect = await tx.nested(async (inner) => {
      const content = await openEnvelope(inner, envelope, { keepUsedPrekeys });
      return applyContent({ ...frame, tx: inner }, envelope, content, known);
    });
    effect();
  } catch (error) {
    if (!(error instanceof EnvelopeProblem || frame.isTolerant)) throw error;
    const problem = error instanceof EnvelopeProblem ? error.code : "internal";
    await recordProblem(frame, envelope, problem, known);
  }
}

/** Writes what the content says. What it adds to the outcome is returned, to be added only if nothing throws. */
async function applyContent(
  frame: Frame,
  envelope: InboxEnvelope,
  content: MessageContent,
  known: MessageRow | undefined,
): Promise<() => void> {
  const { outcome, own } = frame;
  await requireConversation(frame, envelope, content);
  const { senderAccountId, conversationId } = envelope;
  const { senderName } = content;
  const noteName = () => {
    if (senderName !== undefined) outcome.names.set(senderAccountId, senderName);
  };
  if (content.type === "resend-request") {
    const { of, toDeviceId } = content.body;
    if (toDeviceId !== own.deviceId) return noteName;
    return () => frame.resendRequests.push({ conversationId, of });
  }
  const isNew = await showText(frame, envelope, content, known);
  return () => {
    noteName();
    if (isNew) outcome.shown += 1;
  };
}

/** A conversation is what its first message says it is; in a direct one nobody else ever speaks. */
async function requireConversation(
  { tx, own }: Frame,
  { conversationId, senderAccountId }: InboxEnvelope,
  { members }: MessageContent,
): Promise<void> {
  const conversation = await findConversation(tx, conversationId);
  if (conversation !== undefined) {
    if (!conversation.members.includes(senderAccountId)) throw new EnvelopeProblem("not_a_member");
    return;
  }
  const peerId = senderAccountId === own.accountId ? peerOf(members, own.accountId) : senderAccountId;
  if (peerId === undefined) throw new EnvelopeProblem("unknown_conversation");
  if ((await findDirect(tx, peerId)) !== undefined) throw new EnvelopeProblem("unknown_conversation");
  putDirect(tx, own.accountId, peerId, conversationId);
}

function peerOf(members: readonly string[] | undefined, ownId: string): string | undefined {
  const [peer, ...more] = (members ?? []).filter((accountId) => accountId !== ownId);
  return more.length === 0 ? peer : undefined;
}

/** Shows the text once: as a new message, or in place of the placeholder of an earlier try. */
async function showText(
  { tx }: Frame,
  envelope: InboxEnvelope,
  content: TextContent,
  known: MessageRow | undefined,
): Promise<boolean> {
  const { senderAccountId, senderDeviceId, conversationId, acceptedAt } = envelope;
  const messageId = content.resendOf ?? envelope.messageId;
  const identity = { senderAccountId, senderDeviceId, messageId };
  const existing = content.resendOf === undefined ? known : await findMessage(tx, identity);
  if (existing !== undefined && existing.state !== "undecryptable") return false;
  const text = { text: content.body.text, sentAt: content.sentAt, state: "received" } as const;
  if (existing !== undefined) {
    const { problem: _healed, ...placeholder } = existing;
    const row = { ...placeholder, ...text };
    updateMessage(tx, row);
    await appendToFeed(tx, row);
    return true;
  }
  const row = await insertMessage(tx, { ...identity, conversationId, acceptedAt, ...text });
  await appendToFeed(tx, row);
  return true;
}

/** A message that was decrypted before is not a problem: its acknowledgement was lost. */
const repeats = new Set(["duplicate", "replayed"]);

async function recordProblem(
  { tx, outcome }: Frame,
  envelope: InboxEnvelope,
  problem: string,
  known: MessageRow | undefined,
): Promise<void> {
  if (known !== undefined || repeats.has(problem)) return;
  const { messageId, conversationId, senderAccountId, senderDeviceId, acceptedAt } = envelope;
  const row = await insertMessage(tx, {
    messageId,
    conversationId,
    senderAccountId,
    senderDeviceId,
    acceptedAt,
    state: "undecryptable",
    problem,
  });
  // Opens once the user has accepted the new account key: the server will not have it any more by then.
  if (problem === "identity_changed") putHeld(tx, envelope);
  outcome.undecryptable.push(row);
}
