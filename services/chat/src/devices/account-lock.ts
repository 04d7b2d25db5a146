import { sql, type Transaction } from "kysely";

/** First key of the two-key advisory locks that guard device sets; used for nothing else in this database. */
export const ACCOUNT_LOCK_CLASS = 5077;

const HEX_DIGITS_OF_BUCKET = 3;

/**
 * The bucket (0..4095, the last 12 bits of the UUID) whose advisory lock guards the device set of an account.
 *
 * A message is stored for exactly the devices its recipients have at commit. So whoever changes a device set holds
 * `pg_advisory_xact_lock(ACCOUNT_LOCK_CLASS, bucket)`, and whoever stores messages holds the shared form
 * (`pg_advisory_xact_lock_shared`) for every recipient from before it reads the devices until its transaction
 * has committed. Transaction-level locks end with the commit, neither earlier nor by hand.
 *
 * Storers take the buckets of a batch in ascending order, before any row lock: a waiting exclusive request holds back
 * later shared ones, so that two batches with different orders could wait for each other.
 * Advisory locks write no WAL and no tuple headers; buckets bound how many a batch needs. Two accounts in one bucket
 * wait for each other needlessly, never wrongly.
 */
export function accountLockKey(accountId: string): number {
  return Number.parseInt(accountId.slice(-HEX_DIGITS_OF_BUCKET), 16);
}

/** Waits until nobody stores messages for the account or changes its devices, and keeps it so until `tx` ends. */
export async function lockDeviceSet<DB>(tx: Transaction<DB>, accountId: string): Promise<void> {
  const bucket = accountLockKey(accountId);
  await sql`select pg_advisory_xact_lock(${ACCOUNT_LOCK_CLASS}::int, ${bucket}::int)`.execute(tx);
}

/**
 * Keeps what begins with `lockDeviceSet`, such as a deletion, from beginning for these accounts until `tx` ends. In the
 * order of the storers, and before any row lock.
 */
export async function holdAccounts<DB>(tx: Transaction<DB>, accountIds: readonly string[]): Promise<void> {
  const buckets = [...new Set(accountIds.map(accountLockKey))].sort((a, b) => a - b);
  await sql`
    select pg_advisory_xact_lock_shared(${ACCOUNT_LOCK_CLASS}::int, k) from unnest(${buckets}::int[]) k`.execute(
    tx,
  );
}
