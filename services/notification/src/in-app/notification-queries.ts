import type { WireNotification } from "@sotto/contracts/in-app-api";
import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { type Selectable, sql, type Transaction } from "kysely";
import type { NewNotification } from "./notification-of.ts";

type Db = Executor<NotifyDatabase>;
type Tx = Transaction<NotifyDatabase>;
type Row = Selectable<NotifyDatabase["notification"]>;

export async function insertNotification(
  tx: Tx,
  { type, data }: NewNotification,
  row: { notificationId: string; accountId: string; createdAt: Date },
): Promise<void> {
  await tx
    .insertInto("notification")
    .values({
      notification_id: row.notificationId,
      account_id: row.accountId,
      created_at: row.createdAt,
      type,
      data: JSON.stringify(data),
    })
    .execute();
}

/** What an account was told of this type about another one, which says it again; by notification_about. */
export async function deleteSameAbout(
  tx: Tx,
  { accountId, type, about }: { accountId: string; type: string; about: string },
): Promise<void> {
  await tx
    .deleteFrom("notification")
    .where("account_id", "=", accountId)
    .where("type", "=", type)
    .where(sql`data ->> 'accountId'`, "=", about)
    .execute();
}

/** Forgets the oldest: of the kind of `latest` beyond `perKind`, then of all beyond `total`. Reads an account's rows once. */
export async function trimNotifications(
  tx: Tx,
  accountId: string,
  { latest, perKind, total }: { latest: NewNotification; perKind: number; total: number },
): Promise<void> {
  const notice = latest.type === "security-notice" ? latest.data.notice : null;
  await sql`
    delete from notify.notification n using (
      select notification_id, row_number() over (order by notification_id desc) as place,
        case when is_kind then row_number() over (partition by is_kind order by notification_id desc) end as place_in_kind
      from (
        select notification_id, type = ${latest.type} and data ->> 'notice' is not distinct from ${notice}::text as is_kind
        from notify.notification where account_id = ${accountId}::uuid
      ) own
    ) placed
    where n.account_id = ${accountId}::uuid and n.notification_id = placed.notification_id
      and (placed.place > ${total} or placed.place_in_kind > ${perKind})`.execute(tx);
}

/** Newest first (ids are UUIDv7), before `before`; by the primary key. */
export async function listNotifications(
  db: Db,
  accountId: string,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<WireNotification[]> {
  const rows = await db
    .selectFrom("notification")
    .selectAll()
    .where("account_id", "=", accountId)
    .$if(before !== undefined, (query) => query.where("notification_id", "<", before as string))
    .orderBy("notification_id", "desc")
    .limit(limit)
    .execute();
  return rows.map(toNotification);
}

function toNotification(row: Row): WireNotification {
  return {
    notificationId: row.notification_id,
    type: row.type,
    data: row.data as WireNotification["data"],
    createdAt: row.created_at.toISOString(),
    readAt: row.read_at?.toISOString() ?? null,
  };
}

/** By notification_unread. */
export async function countUnread(db: Db, accountId: string): Promise<number> {
  const { count } = await db
    .selectFrom("notification")
    .select((query) => query.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .where("read_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function hasNotification(tx: Tx, accountId: string, notificationId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("notification")
    .select("notification_id")
    .where("account_id", "=", accountId)
    .where("notification_id", "=", notificationId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Marks what is unread among the notifications of these ids: one, those up to one, or all. @returns how many there were. */
export async function setRead(
  tx: Tx,
  accountId: string,
  which: { only?: string | undefined; upTo?: string | undefined; at: Date },
): Promise<number> {
  const { only, upTo, at } = which;
  const { numUpdatedRows } = await tx
    .updateTable("notification")
    .set({ read_at: at })
    .where("account_id", "=", accountId)
    .where("read_at", "is", null)
    .$if(only !== undefined, (query) => query.where("notification_id", "=", only as string))
    .$if(upTo !== undefined, (query) => query.where("notification_id", "<=", upTo as string))
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** @returns how many there were: with `only` one or none, else all of the account. */
export async function deleteNotifications(
  tx: Tx,
  accountId: string,
  { only }: { only?: string | undefined } = {},
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom("notification")
    .where("account_id", "=", accountId)
    .$if(only !== undefined, (query) => query.where("notification_id", "=", only as string))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Deletes what others were told about an account, up to `limit`; by notification_about. @returns how many. */
export async function deleteNotificationsAbout(db: Db, accountId: string, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from notify.notification where (account_id, notification_id) in (
      select account_id, notification_id from notify.notification
      where data ->> 'accountId' = ${accountId} limit ${limit}
    )`.execute(db);
  return Number(numAffectedRows);
}

/** Forgets what was told before `before`, up to `limit`; by notification_created. @returns how many. */
export async function pruneNotifications(db: Db, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from notify.notification where (account_id, notification_id) in (
      select account_id, notification_id from notify.notification
      where created_at < ${before} order by created_at limit ${limit} for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
}
