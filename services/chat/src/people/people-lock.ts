import { sql, type Transaction } from "kysely";
import { accountLockKey } from "../devices/account-lock.ts";

/** First key of the advisory locks under which an account adds to its contacts and blocks. */
const PEOPLE_LOCK_CLASS = 5083;

/** One addition of an account at a time, so that what it may have can be counted. Before all other locks of `tx`. */
export async function lockPeople<DB>(tx: Transaction<DB>, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${PEOPLE_LOCK_CLASS}::int, ${accountLockKey(accountId)}::int)`.execute(
    tx,
  );
}
