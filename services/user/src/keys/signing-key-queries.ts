import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";
import type { KeyTimes } from "./key-schedule.ts";

export type StoredSigningKey = KeyTimes & { readonly kid: string; readonly sealed: Buffer };

/** Of this database; the two-key locks are others. */
const SIGNING_KEY_LOCK = 5080;

/** Until the transaction ends: of several services that find no key, one makes it. */
export async function lockSigningKeys(tx: Transaction<AccountDatabase>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SIGNING_KEY_LOCK})`.execute(tx);
}

/** All there are: a handful. */
export async function listSigningKeys(db: Executor<AccountDatabase>): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom("signing_key")
    .select(["kid", "sealed_private", "signs_from", "retires_at"])
    .orderBy("created_at")
    .orderBy("kid")
    .execute();
  return rows.map((row) => ({
    kid: row.kid,
    sealed: row.sealed_private,
    signsFrom: row.signs_from,
    retiresAt: row.retires_at,
  }));
}

export async function insertSigningKey(
  tx: Transaction<AccountDatabase>,
  key: { kid: string; publicX: string; sealed: Buffer; createdAt: Date; signsFrom: Date },
): Promise<void> {
  await tx
    .insertInto("signing_key")
    .values({
      kid: key.kid,
      public_x: key.publicX,
      sealed_private: key.sealed,
      created_at: key.createdAt,
      signs_from: key.signsFrom,
    })
    .execute();
}

/** Those that have a time already keep it. */
export async function retireSigningKeys(
  tx: Transaction<AccountDatabase>,
  kids: readonly string[],
  retiresAt: Date,
): Promise<void> {
  if (kids.length === 0) return;
  await tx
    .updateTable("signing_key")
    .set({ retires_at: retiresAt })
    .where("kid", "in", kids)
    .where("retires_at", "is", null)
    .execute();
}

export async function deleteSigningKeys(
  tx: Transaction<AccountDatabase>,
  kids: readonly string[],
): Promise<void> {
  if (kids.length === 0) return;
  await tx.deleteFrom("signing_key").where("kid", "in", kids).execute();
}
