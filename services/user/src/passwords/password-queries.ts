import { type Account, accountState } from "@sotto/contracts/user-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";

/** Accounts that have proved this address, and may sign in; by the index account_verified_email. */
export async function listAccountsByVerifiedEmail(
  db: Executor<AccountDatabase>,
  foldedEmail: string,
  limit: number,
): Promise<Pick<Account, "accountId" | "username" | "email" | "language">[]> {
  const rows = await db
    .selectFrom("account")
    .select(["account_id", "username", "email", "language"])
    .where(sql<string>`lower(email)`, "=", foldedEmail)
    .where("email_verified_at", "is not", null)
    .where("state", "<>", accountState.enum.suspended)
    .orderBy("account_id")
    .limit(limit)
    .execute();
  return rows.map(({ account_id, ...row }) => ({ accountId: account_id, ...row }));
}

export async function setPasswordHash(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  passwordHash: string,
): Promise<void> {
  await tx
    .updateTable("account")
    .set({ password_hash: passwordHash })
    .where("account_id", "=", accountId)
    .execute();
}

/** Forgets the secret of an authenticator app that was never confirmed. */
export async function deletePendingTotp(tx: Transaction<AccountDatabase>, accountId: string): Promise<void> {
  await tx.deleteFrom("totp").where("account_id", "=", accountId).where("confirmed_at", "is", null).execute();
}
