import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Insertable, type Selectable, sql, type Transaction } from "kysely";
import type { DeviceOf } from "./push-queries.ts";

type Db = Executor<NotifyDatabase>;
type Tx = Transaction<NotifyDatabase>;
export type Subscription = Selectable<NotifyDatabase["push_subscription"]>;

/** Marks of sessions that have ended, among the processed events: their last access tokens outlive them by minutes. */
const ENDED_SESSION = "ended-session";

/** Replaces what the device had; the same once more leaves the row as it is. */
export async function upsertSubscription(
  tx: Tx,
  row: Insertable<NotifyDatabase["push_subscription"]>,
): Promise<void> {
  const { account_id: _account, device_id: _device, ...values } = row;
  await tx
    .insertInto("push_subscription")
    .values(row)
    .onConflict((conflict) =>
      conflict
        .constraint("push_subscription_pkey")
        .doUpdateSet({ ...values, failing_since: null })
        .where(
          sql<boolean>`(push_subscription.session_id, push_subscription.endpoint, push_subscription.p256dh,
            push_subscription.auth, push_subscription.server_key)
            is distinct from (excluded.session_id, excluded.endpoint, excluded.p256dh, excluded.auth, excluded.server_key)`,
        ),
    )
    .execute();
}

/** What a new subscription of a device leaves no room for: the same endpoint of another device, and the oldest. */
export async function deleteDisplaced(
  tx: Tx,
  { accountId, deviceId }: DeviceOf,
  { endpoint, max }: { endpoint: string; max: number },
): Promise<void> {
  const own = tx.deleteFrom("push_subscription").where("account_id", "=", accountId);
  await own.where("device_id", "!=", deviceId).where("endpoint", "=", endpoint).execute();
  await own
    .where("device_id", "not in", (query) =>
      query
        .selectFrom("push_subscription")
        .select("device_id")
        .where("account_id", "=", accountId)
        .orderBy(sql`device_id = ${deviceId}`, "desc")
        .orderBy("created_at", "desc")
        .limit(max),
    )
    .execute();
}

export function listSubscriptions(db: Db, accountId: string): Promise<Subscription[]> {
  return db
    .selectFrom("push_subscription")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("created_at")
    .execute();
}

export async function deleteSubscription(db: Db, { accountId, deviceId }: DeviceOf): Promise<void> {
  await db
    .deleteFrom("push_subscription")
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .execute();
}

/** Not one that has taken its place since. @returns whether it was still there. */
export async function deleteThisSubscription(
  db: Db,
  { accountId, deviceId, endpoint }: DeviceOf & { endpoint: string },
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("push_subscription")
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .where("endpoint", "=", endpoint)
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

export async function deleteSubscriptionsOf(db: Db, accountId: string): Promise<void> {
  await db.deleteFrom("push_subscription").where("account_id", "=", accountId).execute();
}

export async function deleteSubscriptionsOfSession(
  db: Db,
  { accountId, sessionId }: { accountId: string; sessionId: string },
): Promise<void> {
  await db
    .deleteFrom("push_subscription")
    .where("account_id", "=", accountId)
    .where("session_id", "=", sessionId)
    .execute();
}

export async function insertEndedSession(tx: Tx, sessionId: string, at: Date): Promise<void> {
  await tx
    .insertInto("processed_event")
    .values({ consumer: ENDED_SESSION, event_id: sessionId, processed_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function hasSessionEnded(db: Db, sessionId: string): Promise<boolean> {
  const row = await db
    .selectFrom("processed_event")
    .select("event_id")
    .where("consumer", "=", ENDED_SESSION)
    .where("event_id", "=", sessionId)
    .executeTakeFirst();
  return row !== undefined;
}

/** A push service took a push. */
export async function setSubscriptionWorking(
  db: Db,
  { accountId, deviceId, endpoint }: DeviceOf & { endpoint: string },
): Promise<void> {
  await db
    .updateTable("push_subscription")
    .set({ failing_since: null })
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .where("endpoint", "=", endpoint)
    .where("failing_since", "is not", null)
    .execute();
}

/** A push was given up. @returns since when all were. */
export async function setSubscriptionFailing(
  db: Db,
  { accountId, deviceId, endpoint }: DeviceOf & { endpoint: string },
  now: Date,
): Promise<Date | undefined> {
  const row = await db
    .updateTable("push_subscription")
    .set({ failing_since: sql`coalesce(failing_since, ${now})` })
    .where("account_id", "=", accountId)
    .where("device_id", "=", deviceId)
    .where("endpoint", "=", endpoint)
    .returning("failing_since")
    .executeTakeFirst();
  return row?.failing_since ?? undefined;
}
