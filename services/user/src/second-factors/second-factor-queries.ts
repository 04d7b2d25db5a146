import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";

export type StoredTotp = {
  readonly sealedSecret: Buffer;
  readonly createdAt: Date;
  /** Null until a code has confirmed it: then it is no second factor yet. */
  readonly confirmedAt: Date | null;
};

export async function findTotp(
  db: Executor<AccountDatabase>,
  accountId: string,
): Promise<StoredTotp | undefined> {
  const row = await db
    .selectFrom("totp")
    .select(["sealed_secret", "created_at", "confirmed_at"])
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row && { sealedSecret: row.sealed_secret, createdAt: row.created_at, confirmedAt: row.confirmed_at };
}

/** Replaces one that is not confirmed; false when there is one that is. */
export async function insertPendingTotp(
  db: Executor<AccountDatabase>,
  totp: { accountId: string; sealedSecret: Buffer; at: Date },
): Promise<boolean> {
  const row = await db
    .insertInto("totp")
    .values({ account_id: totp.accountId, sealed_secret: totp.sealedSecret, created_at: totp.at })
    .onConflict((conflict) =>
      conflict
        .column("account_id")
        .doUpdateSet({ sealed_secret: totp.sealedSecret, created_at: totp.at, last_step: 0 })
        .where("totp.confirmed_at", "is", null),
    )
    .returning("account_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Confirms exactly the secret that the code was of; false when it was replaced, confirmed or removed meanwhile. */
export async function confirmPendingTotp(
  tx: Transaction<AccountDatabase>,
  { accountId, sealedSecret, step, at }: { accountId: string; sealedSecret: Buffer; step: number; at: Date },
): Promise<boolean> {
  const row = await tx
    .updateTable("totp")
    .set({ confirmed_at: at, last_step: step })
    .where("account_id", "=", accountId)
    .where("sealed_secret", "=", sealedSecret)
    .where("confirmed_at", "is", null)
    .returning("account_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** False when a code of this step or a later one was accepted before: of two at once the second waits and loses. */
export async function advanceTotpStep(
  tx: Transaction<AccountDatabase>,
  { accountId, sealedSecret, step }: { accountId: string; sealedSecret: Buffer; step: number },
): Promise<boolean> {
  const row = await tx
    .updateTable("totp")
    .set({ last_step: step })
    .where("account_id", "=", accountId)
    .where("sealed_secret", "=", sealedSecret)
    .where("last_step", "<", step)
    .returning("account_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether what was deleted had been confirmed; undefined when there was nothing. */
export async function deleteTotp(
  tx: Transaction<AccountDatabase>,
  accountId: string,
): Promise<{ wasConfirmed: boolean } | undefined> {
  const row = await tx
    .deleteFrom("totp")
    .where("account_id", "=", accountId)
    .returning("confirmed_at")
    .executeTakeFirst();
  return row && { wasConfirmed: row.confirmed_at !== null };
}

/** Replaces all codes of the account. */
export async function replaceRecoveryCodes(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  hashes: readonly Buffer[],
): Promise<void> {
  await tx.deleteFrom("recovery_code").where("account_id", "=", accountId).execute();
  await tx
    .insertInto("recovery_code")
    .values(hashes.map((hash) => ({ account_id: accountId, code_hash: hash })))
    .execute();
}

/** False when the account has no such code, or not any more. */
export async function deleteRecoveryCode(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  hash: Buffer,
): Promise<boolean> {
  const row = await tx
    .deleteFrom("recovery_code")
    .where("account_id", "=", accountId)
    .where("code_hash", "=", hash)
    .returning("account_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes the account's codes when there is no second factor left that they could stand in for. */
export async function deleteUselessRecoveryCodes(
  tx: Transaction<AccountDatabase>,
  accountId: string,
): Promise<void> {
  await tx
    .deleteFrom("recovery_code")
    .where("account_id", "=", accountId)
    .where((where) =>
      where.not(
        where.or([
          where.exists(
            where
              .selectFrom("totp")
              .select("account_id")
              .where("account_id", "=", accountId)
              .where("confirmed_at", "is not", null),
          ),
          where.exists(where.selectFrom("passkey").select("account_id").where("account_id", "=", accountId)),
        ]),
      ),
    )
    .execute();
}

export async function countRecoveryCodes(db: Executor<AccountDatabase>, accountId: string): Promise<number> {
  const row = await db
    .selectFrom("recovery_code")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return row.count;
}
