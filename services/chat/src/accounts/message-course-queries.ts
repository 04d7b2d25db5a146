import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

type Tx = Transaction<ChatDatabase>;

/** Deleted accounts whose messages are looked for together: all stand at the same page. */
export type Course = { accountIds: string[]; nextPage: number; endPage: number };

type DueRow = { accountId: string; nextPage: number | null; endPage: number | null };

/**
 * Deleted accounts that are in a course over the messages or may begin one, locked until `tx` ends; none when another
 * node is at it.
 */
export async function lockDueAccounts(tx: Tx, limit: number): Promise<DueRow[]> {
  const { rows } = await sql<DueRow>`
    select account_id as "accountId", next_page as "nextPage", end_page as "endPage" from chat.deleted_account
    where cleared and course_at <= now() order by account_id limit ${limit} for update skip locked`.execute(
    tx,
  );
  return rows;
}

/**
 * Begins a course for these accounts. It ends at the table's present end: nothing of theirs is added, and a row never
 * moves, for nobody changes one.
 */
export async function beginCourse(tx: Tx, accountIds: readonly string[]): Promise<Course> {
  const { rows } = await sql<{ pages: number }>`
    update chat.deleted_account set course_at = now(), next_page = 0, has_waiting = false,
      end_page = pg_relation_size('chat.message') / current_setting('block_size')::bigint
    where account_id = any(${accountIds}::uuid[]) returning end_page as pages`.execute(tx);
  return { accountIds: [...accountIds], nextPage: 0, endPage: Number(rows[0]?.pages ?? 0) };
}

/**
 * Deletes the messages of these accounts in some pages of the table, but for those that wait at a device of whoever is
 * left in their conversation. The answer names the accounts that have such. A scan of these pages alone (TID Range Scan).
 */
export async function deleteMessagesInPages(
  tx: Tx,
  accountIds: readonly string[],
  pages: { from: number; to: number },
): Promise<string[]> {
  const { rows } = await sql<{ accountId: string }>`
    with found as materialized (
      select message_id, conversation_id, sender_account_id from chat.message
      where ctid >= ${`(${pages.from},0)`}::tid and ctid < ${`(${pages.to},0)`}::tid
        and sender_account_id = any(${accountIds}::uuid[])
    ), waiting as materialized (
      select e.message_id from (select distinct conversation_id from found) c
      join chat.member m on m.conversation_id = c.conversation_id
      join chat.device d on d.account_id = m.account_id
      join chat.envelope e on e.device_id = d.device_id
    ), gone as (
      delete from chat.message g using found f
      where g.message_id = f.message_id and f.message_id not in (select message_id from waiting)
    )
    select distinct f.sender_account_id as "accountId" from found f
    where f.message_id in (select message_id from waiting)`.execute(tx);
  return rows.map(({ accountId }) => accountId);
}

/** Notes that the course has come to page `to`, and for which accounts it has met waiting messages. */
export async function advanceCourse(
  tx: Tx,
  { accountIds }: Course,
  to: number,
  withWaiting: readonly string[],
): Promise<void> {
  await sql`
    update chat.deleted_account set next_page = ${to}, has_waiting = has_waiting or account_id = any(${withWaiting}::uuid[])
    where account_id = any(${accountIds}::uuid[])`.execute(tx);
}

/**
 * Ends a course. Accounts whose messages wait somewhere have another one, after ten times as long as this one took, and
 * `pauseSeconds` at least: a large table is not read all the time.
 */
export async function endCourse(tx: Tx, { accountIds }: Course, pauseSeconds: number): Promise<void> {
  await sql`
    update chat.deleted_account set next_page = null, end_page = null, course_at = case when has_waiting
      then clock_timestamp() + greatest(make_interval(secs => ${pauseSeconds}), 10 * (clock_timestamp() - course_at)) end
    where account_id = any(${accountIds}::uuid[])`.execute(tx);
}
