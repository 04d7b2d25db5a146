import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Insertable, sql, type Transaction } from "kysely";

type Db = Executor<NotifyDatabase>;
type Tx = Transaction<NotifyDatabase>;
export type DeviceOf = { readonly accountId: string; readonly deviceId: string };

/** Pushes to one device are queued one after the other. @returns false when the device has no subscription. */
export async function lockSubscription(tx: Tx, { accountId, deviceId }: DeviceOf): Promise<boolean> {
  const row = await tx
    .selectFrom("push_subscription")
    .select("device_id")
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns false when this event has been there before. */
export async function insertPush(tx: Tx, row: Insertable<NotifyDatabase["push"]>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("push")
    .values(row)
    .onConflict((conflict) => conflict.constraint("push_once_per_event").doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/**
 * Lets `push` take the place of what else waits for its device, and its time: a push service that asked to be left
 * alone for a while is not asked sooner because something happened. Index: push_of_device.
 */
export async function replaceUnsent(
  tx: Tx,
  { accountId, deviceId }: DeviceOf,
  push: { id: string; now: Date },
): Promise<void> {
  const replaced = await tx
    .updateTable("push")
    .set({ outcome: "replaced", settled_at: push.now })
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .where("outcome", "is", null)
    .where("id", "!=", push.id)
    .returning("next_attempt_at")
    .execute();
  const latestMs = Math.max(...replaced.map((row) => row.next_attempt_at.getTime()));
  if (latestMs <= push.now.getTime()) return;
  await tx
    .updateTable("push")
    .set({ next_attempt_at: new Date(latestMs) })
    .where("id", "=", push.id)
    .execute();
}

/** The rows stay, so that their events queue nothing when they are told again. Index: push_of_device. */
export async function withdrawUnsent(tx: Tx, accountId: string): Promise<void> {
  await tx
    .updateTable("push")
    .set({ outcome: "withdrawn", settled_at: sql<Date>`now()` })
    .where("account_id", "=", accountId)
    .where("outcome", "is", null)
    .execute();
}

/** Pushes that are still to be sent. */
export async function countUnsentPushes(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("push")
    .select((query) => query.fn.countAll<number>().as("count"))
    .where("outcome", "is", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export type DuePush = Awaited<ReturnType<typeof claimPushes>>[number];

/**
 * Takes up to `limit` pushes that are due and go to none of the hosts in `full`, and keeps them from other senders until
 * `leaseEnd`. Counts the attempt at the beginning, so that one that kills its sender is not tried for ever. At most one
 * push waits for a subscription, which bounds what is passed over. Index: push_due.
 */
export function claimPushes(
  db: Db,
  claim: { now: Date; leaseEnd: Date; limit: number; full: readonly string[] },
) {
  const due = db
    .selectFrom("push")
    .innerJoin("push_subscription as subscription", (join) =>
      join
        .onRef("subscription.account_id", "=", "push.account_id")
        .onRef("subscription.device_id", "=", "push.device_id"),
    )
    .select("push.id")
    .where("push.outcome", "is", null)
    .where("push.next_attempt_at", "<=", claim.now)
    .where(sql<boolean>`subscription.host <> all (${claim.full}::text[])`)
    .orderBy("push.next_attempt_at")
    .limit(claim.limit)
    .forUpdate("push")
    .skipLocked();
  return db
    .updateTable("push")
    .from("push_subscription as subscription")
    .set({ next_attempt_at: claim.leaseEnd, attempts: sql`attempts + 1` })
    .where("push.id", "in", due)
    .whereRef("subscription.account_id", "=", "push.account_id")
    .whereRef("subscription.device_id", "=", "push.device_id")
    .returning([
      "push.id",
      "push.event_id as eventId",
      "push.account_id as accountId",
      "push.device_id as deviceId",
      "push.type",
      "push.created_at as createdAt",
      "push.attempts",
      "subscription.endpoint",
      "subscription.host",
      "subscription.p256dh",
      "subscription.auth",
      "subscription.server_key as serverKey",
    ])
    .execute();
}

/** @returns false when the push has an outcome already, such as that a newer one has taken its place. */
export async function settlePush(
  db: Db,
  id: string,
  settled: { outcome: "sent" | "failed"; at: Date; error: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("push")
    .set({ outcome: settled.outcome, settled_at: settled.at, last_error: settled.error })
    .where("id", "=", id)
    .where("outcome", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

export async function setPushRetry(
  db: Db,
  id: string,
  retry: { nextAttemptAt: Date; error: string },
): Promise<void> {
  await db
    .updateTable("push")
    .set({ next_attempt_at: retry.nextAttemptAt, last_error: retry.error })
    .where("id", "=", id)
    .where("outcome", "is", null)
    .execute();
}

/** Forgets pushes that were settled before `before`. Index: push_settled. */
export async function prunePushes(db: Db, before: Date): Promise<void> {
  await db.deleteFrom("push").where("outcome", "is not", null).where("settled_at", "<", before).execute();
}
