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
