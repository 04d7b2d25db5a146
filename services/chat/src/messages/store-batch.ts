import type { MessageAccepted } from "@sotto/contracts/message-api";
import { AppError } from "@sotto/platform/app-error";
import type { Clock } from "@sotto/platform/clock";
import type { Ids } from "@sotto/platform/ids";
import { completeEvents } from "@sotto/platform/outbox";
import type pg from "pg";
import { accountLockKey } from "../devices/account-lock.ts";
import type { PendingSend, SendOutcome } from "./commit-queue.ts";
import { findMismatches } from "./device-match.ts";
import {
  beginLocked,
  type ConversationSender,
  findRosters,
  findStored,
  insertBatch,
  type MessageRow,
  type SenderRoster,
  type StoredBatch,
  type StoredMessage,
} from "./message-queries.ts";

export type StoreBatchDeps = {
  pool: pg.Pool;
  clock: Clock;
  ids: Ids;
  /** Called after the commit, before the senders are answered; must not throw. */
  onCommitted(stored: StoredBatch): void;
  /** A repeat of a stored message: its first delivery may have been lost with the node that took it. */
  onRepeated(request: PendingSend["request"]): void;
};

/**
 * Stores a batch of messages in one transaction: idempotency, device-set check, message rows, mailbox rows, outbox row.
 * One outcome for each message, in order. `retry`: the message must be tried in another batch.
 */
export async function storeBatch(
  deps: StoreBatchDeps,
  batch: readonly PendingSend[],
): Promise<SendOutcome[]> {
  const outcomes: SendOutcome[] = batch.map(() => "retry");
  const first = firstOfEachId(batch);
  const client = await deps.pool.connect();
  let failure: Error | undefined;
  try {
    // Sent together, in this order, and executed one after the other: the rosters are read under the locks.
    const [, rosters] = await Promise.all([
      beginLocked(client, lockKeysOf(batch)),
      findRostersOf(client, batch),
    ]);
    const refusals = new Map<number, AppError>();
    for (const index of first) {
      const refusal = findRefusal(batch[index] as PendingSend, rosters[index]);
      if (refusal) refusals.set(index, refusal);
    }
    const fitting = first.filter((index) => !refusals.has(index));
    const rows = fitting.map((index) => toRow(batch[index] as PendingSend, rosters[index]));
    const stored = await insertAndCommit(deps, client, rows);
    const acceptedIds = new Set(stored.rows.map(({ messageId }) => messageId));
    for (const index of fitting) {
      const { messageId } = (batch[index] as PendingSend).request;
      if (acceptedIds.has(messageId))
        outcomes[index] = { accepted: toAccepted(messageId, stored.acceptedAt) };
    }
    // A repeat is answered as the first time even when the devices have changed since.
    const doubtful = first.filter((index) => outcomes[index] === "retry");
    if (doubtful.length > 0)
      await answerRepeats(deps, client, { batch, indexes: doubtful, refusals, outcomes });
    return outcomes;
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    // A connection with an unknown state is thrown away, and its transaction with it.
    client.release(failure);
  }
}

/**
 * Sends the commit behind the insert, without waiting: an insert that fails has ended the transaction, and the commit
 * then stores nothing.
 */
async function insertAndCommit(
  deps: StoreBatchDeps,
  client: pg.PoolClient,
  rows: readonly MessageRow[],
): Promise<StoredBatch> {
  const [stored] = await Promise.all([
    rows.length === 0 ? NOTHING : insertBatch(client, rows, eventsJson(deps, rows)),
    client.query("commit"),
  ]);
  if (stored.rows.length > 0) deps.onCommitted(stored);
  return stored;
}

const NOTHING: StoredBatch = { rows: [], acceptedAt: new Date(0), envelopeIds: [] };

type Doubtful = {
  batch: readonly PendingSend[];
  indexes: readonly number[];
  refusals: ReadonlyMap<number, AppError>;
  outcomes: SendOutcome[];
};

/** Fills in the outcomes of messages that are stored already, and of refused ones that are not. */
async function answerRepeats(deps: StoreBatchDeps, client: pg.PoolClient, doubtful: Doubtful): Promise<void> {
  const { batch, indexes, refusals, outcomes } = doubtful;
  const known = await findStored(
    client,
    pick(batch, indexes).map(({ request }) => request.messageId),
  );
  for (const index of indexes) {
    const send = batch[index] as PendingSend;
    const stored = known.get(send.request.messageId);
    const refusal = refusals.get(index);
    if (stored) outcomes[index] = answerRepeat(send, stored, () => deps.onRepeated(send.request));
    else if (refusal) outcomes[index] = { refused: refusal };
  }
}

function answerRepeat(send: PendingSend, stored: StoredMessage, onSame: () => void): SendOutcome {
  const same =
    stored.senderDeviceId === send.senderDeviceId &&
    stored.conversationId === send.request.conversationId &&
    stored.content.equals(Buffer.from(send.request.content, "base64"));
  if (!same) {
    return { refused: new AppError("idempotency_conflict", "Another message has this id already.") };
  }
  onSame();
  return { accepted: toAccepted(stored.messageId, stored.acceptedAt) };
}

function toAccepted(messageId: string, at: Date): MessageAccepted {
  return { messageId, acceptedAt: at.toISOString() };
}

/** The roster of each message of the batch; one lookup for the messages of one sender in one conversation. */
async function findRostersOf(
  client: pg.PoolClient,
  batch: readonly PendingSend[],
): Promise<(SenderRoster | undefined)[]> {
  const positions = new Map<string, number>();
  const senders: ConversationSender[] = [];
  const wanted = batch.map(({ senderAccountId, request: { conversationId } }) => {
    const key = conversationId + senderAccountId;
    const known = positions.get(key);
    if (known !== undefined) return known;
    positions.set(key, senders.length);
    return senders.push({ conversationId, senderAccountId }) - 1;
  });
  const rosters = await findRosters(client, senders);
  return wanted.map((position) => rosters[position]);
}

function findRefusal(send: PendingSend, roster: SenderRoster | undefined): AppError | undefined {
  const own = roster?.members.get(send.senderAccountId);
  if (!roster || !own) return new AppError("not_found", "There is no such conversation.");
  if (!own.has(send.senderDeviceId)) return new AppError("device_unproven", "This device has been removed.");
  if (roster.members.size < 2)
    return new AppError("not_found", "The account of the other side has been deleted.");
  if (roster.isBlocking)
    return new AppError("account_blocked", "You have blocked this account. Unblock it, then write.");
  const mismatches = findMismatches(send.request.recipients, roster.members, send.senderDeviceId);
  if (mismatches.length === 0) return undefined;
  return new AppError("device_mismatch", "The envelopes do not match the recipients' devices.", {
    details: mismatches,
  });
}

/** Two sends of one id in a batch: the second waits for the next batch, where it is a repeat. */
function firstOfEachId(batch: readonly PendingSend[]): number[] {
  const seen = new Set<string>();
  const first: number[] = [];
  for (const [index, { request }] of batch.entries()) {
    if (seen.has(request.messageId)) continue;
    seen.add(request.messageId);
    first.push(index);
  }
  return first;
}

function lockKeysOf(batch: readonly PendingSend[]): Set<number> {
  const keys = new Set<number>();
  for (const { request, senderAccountId } of batch) {
    keys.add(accountLockKey(senderAccountId));
    for (const { accountId } of request.recipients) keys.add(accountLockKey(accountId));
  }
  return keys;
}

/** Whoever has blocked the sender gets nothing, and nobody is told: the answer, the event and the counts are the same. */
function toRow(
  { request, senderAccountId, senderDeviceId }: PendingSend,
  roster: SenderRoster | undefined,
): MessageRow {
  const addressed = request.recipients.flatMap(({ devices }) => devices);
  return {
    messageId: request.messageId,
    conversationId: request.conversationId,
    senderAccountId,
    senderDeviceId,
    content: request.content,
    addressed: addressed.length,
    envelopes: roster?.blockers.size ? withoutBlockers(request.recipients, roster.blockers) : addressed,
  };
}

function withoutBlockers(
  recipients: PendingSend["request"]["recipients"],
  blockers: ReadonlySet<string>,
): MessageRow["envelopes"] {
  return recipients.flatMap(({ accountId, devices }) => (blockers.has(accountId) ? [] : devices));
}

function eventsJson(deps: { clock: Clock; ids: Ids }, rows: readonly MessageRow[]): string {
  const events = rows.map((row) => ({
    type: "chat.message-accepted" as const,
    key: row.conversationId,
    data: {
      messageId: row.messageId,
      conversationId: row.conversationId,
      senderAccountId: row.senderAccountId,
      envelopes: row.addressed,
    },
  }));
  return JSON.stringify(completeEvents(deps, events));
}

function pick<T>(items: readonly T[], indexes: readonly number[]): T[] {
  return indexes.map((index) => items[index] as T);
}
