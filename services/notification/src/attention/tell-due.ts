import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";
import { findAddressee, lockAccount } from "../accounts/account-queries.ts";
import type { NotificationContext } from "../context.ts";
import { queueDigest } from "../email/queue-digest.ts";
import { getPreferences, type StoredPreferences } from "../preferences/preference-queries.ts";
import { queuePush } from "../push/queue-push.ts";
import {
  findAttention,
  listDueAccounts,
  listWaiting,
  postponeDue,
  setDigested,
  type Waiting,
} from "./attention-queries.ts";
import { quietUntil } from "./quiet-hours.ts";

type Tx = Transaction<NotifyDatabase>;
export type TellDeps = Pick<NotificationContext, "db" | "clock" | "ids" | "log" | "attention">;
type Outcome = { readonly channel: "push" | "digest"; readonly outcome: "queued" | "skipped" };

/** Accounts that are looked up at once; each is a transaction of its own. */
const BATCH = 100;
/** An account that cannot be told, for whatever reason, must not be in the way of the others. */
const RETRY_AFTER_MS = 60_000;

/**
 * Queues the pushes and digests that are due, account by account. Several processes may do so at once: under the lock of
 * an account the second finds nothing due.
 */
export async function tellDue(deps: TellDeps): Promise<void> {
  for (;;) {
    const accountIds = await listDueAccounts(deps.db, deps.clock.now(), BATCH);
    for (const accountId of accountIds) await tellOrPostpone(deps, accountId);
    if (accountIds.length < BATCH) return;
  }
}

async function tellOrPostpone(deps: TellDeps, accountId: string): Promise<void> {
  const { db, clock, log, attention } = deps;
  try {
    const outcomes = await db.transaction().execute((tx) => tellAccount(tx, deps, accountId));
    for (const outcome of outcomes) attention.told.inc(outcome);
  } catch (error) {
    log.warn({ err: error, accountId }, "an account could not be told that messages wait; trying again");
    const now = clock.now();
    const until = new Date(now.getTime() + RETRY_AFTER_MS);
    await db.transaction().execute(async (tx) => {
      await lockAccount(tx, accountId);
      await postponeDue(tx, accountId, { now, until });
    });
  }
}

async function tellAccount(tx: Tx, deps: TellDeps, accountId: string): Promise<Outcome[]> {
  await lockAccount(tx, accountId);
  const now = deps.clock.now();
  if (!(await findAddressee(tx, accountId))?.active) {
    await postponeDue(tx, accountId, { now, until: null });
    return [];
  }
  const preferences = await getPreferences(tx, accountId);
  const until = quietEnd(now, preferences);
  if (until) {
    await postponeDue(tx, accountId, { now, until });
    return [];
  }
  const waiting = await listWaiting(tx, accountId);
  const due = waiting.filter(({ push_due_at }) => push_due_at !== null && push_due_at <= now);
  const outcomes: Outcome[] = [];
  for (const device of due)
    outcomes.push({ channel: "push", outcome: await push(tx, deps, device, preferences) });
  const digestDueAt = (await findAttention(tx, accountId))?.digest_due_at;
  if (digestDueAt && digestDueAt <= now)
    outcomes.push({ channel: "digest", outcome: await digest(tx, deps, waiting, accountId) });
  await postponeDue(tx, accountId, { now, until: null });
  return outcomes;
}

function quietEnd(now: Date, { time_zone, quiet_from, quiet_to }: StoredPreferences): Date | undefined {
  if (quiet_from === null || quiet_to === null) return undefined;
  return quietUntil(now, { timeZone: time_zone ?? "UTC", from: quiet_from, to: quiet_to });
}

async function push(
  tx: Tx,
  deps: TellDeps,
  { account_id: accountId, device_id: deviceId, event_id: eventId }: Waiting,
  preferences: StoredPreferences,
): Promise<Outcome["outcome"]> {
  if (!preferences.push) return "skipped";
  const isQueued = await queuePush(tx, deps, { accountId, deviceId, type: "messages-waiting", eventId });
  return isQueued ? "queued" : "skipped";
}

/** One for all devices: the same message waits at each of them. */
async function digest(
  tx: Tx,
  deps: TellDeps,
  waiting: readonly Waiting[],
  accountId: string,
): Promise<Outcome["outcome"]> {
  const most = waiting.toSorted((one, other) => other.waiting - one.waiting)[0];
  const outcome = most
    ? await queueDigest(tx, deps, { accountId, eventId: most.event_id, waiting: most.waiting })
    : "skipped";
  await setDigested(tx, accountId, outcome === "queued" ? deps.clock.now() : undefined);
  return outcome;
}
