import type { Account, PublicAccount } from "@sotto/contracts/user-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { PrefixRange } from "./prefix-range.ts";

/** The columns of an account that its owner sees. */
export const ACCOUNT_COLUMNS = [
  "account_id",
  "username",
  "display_name",
  "email",
  "email_verified_at",
  "language",
  "created_at",
] as const;
export type AccountRow = {
  account_id: string;
  username: string;
  display_name: string | null;
  email: string;
  email_verified_at: Date | null;
  language: string | null;
  created_at: Date;
};

export async function insertAccount(
  db: Executor<AccountDatabase>,
  { account, passwordHash }: { account: Account; passwordHash: string },
): Promise<void> {
  await db
    .insertInto("account")
    .values({
      account_id: account.accountId,
      username: account.username,
      display_name: account.displayName,
      email: account.email,
      password_hash: passwordHash,
      language: account.language,
      created_at: account.createdAt,
    })
    .execute();
}

export async function hasUsername(db: Executor<AccountDatabase>, username: string): Promise<boolean> {
  const row = await db
    .selectFrom("account")
    .select("account_id")
    .where("username", "=", username)
    .executeTakeFirst();
  return row !== undefined;
}

/** Replaces a hash by a newer one of the same password; does nothing when the password was changed meanwhile. */
export async function updatePasswordHash(
  db: Executor<AccountDatabase>,
  change: { accountId: string; from: string; to: string },
): Promise<void> {
  await db
    .updateTable("account")
    .set({ password_hash: change.to })
    .where("account_id", "=", change.accountId)
    .where("password_hash", "=", change.from)
    .execute();
}

export async function findAccount(
  db: Executor<AccountDatabase>,
  accountId: string,
): Promise<Account | undefined> {
  const row = await db
    .selectFrom("account")
    .select(ACCOUNT_COLUMNS)
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row && toAccount(row);
}

export async function updateEmail(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  { email, verifiedAt }: { email: string; verifiedAt: Date },
): Promise<void> {
  await tx
    .updateTable("account")
    .set({ email, email_verified_at: verifiedAt })
    .where("account_id", "=", accountId)
    .execute();
}

export type Profile = { readonly displayName: string | null; readonly language: string | null };

/** Undefined members stay as they are. */
export async function updateProfile(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  { displayName, language }: { [K in keyof Profile]: Profile[K] | undefined },
): Promise<Account | undefined> {
  const row = await tx
    .updateTable("account")
    .set({
      // Names the row at least, so that there is always something to set.
      account_id: accountId,
      ...(displayName === undefined ? {} : { display_name: displayName }),
      ...(language === undefined ? {} : { language }),
    })
    .where("account_id", "=", accountId)
    .returning(ACCOUNT_COLUMNS)
    .executeTakeFirst();
  return row && toAccount(row);
}

/** What a session's client calls itself. */
export async function findSessionClient(
  db: Executor<AccountDatabase>,
  sessionId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom("session")
    .select("client")
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  return row?.client ?? undefined;
}

/** Active accounts, by the index `account_username_unique`: how much is read does not depend on the number of accounts. */
export function accountsInRange(db: Executor<AccountDatabase>, range: PrefixRange, limit: number) {
  return db
    .selectFrom("account")
    .select(["account_id", "username", "display_name"])
    .where("username", ">=", range.from)
    .where("username", "<", range.before)
    .where("state", "=", "active")
    .orderBy("username")
    .limit(limit);
}

/** In the order of their names. */
export async function listAccountsInRange(
  db: Executor<AccountDatabase>,
  range: PrefixRange,
  limit: number,
): Promise<PublicAccount[]> {
  const rows = await accountsInRange(db, range, limit).execute();
  return rows.map(toPublicAccount);
}

/** An active account, as others see it. */
export async function findPublicAccount(
  db: Executor<AccountDatabase>,
  accountId: string,
): Promise<PublicAccount | undefined> {
  const row = await db
    .selectFrom("account")
    .select(["account_id", "username", "display_name"])
    .where("account_id", "=", accountId)
    .where("state", "=", "active")
    .executeTakeFirst();
  return row && toPublicAccount(row);
}

function toPublicAccount(row: Pick<AccountRow, "account_id" | "username" | "display_name">): PublicAccount {
  return { accountId: row.account_id, username: row.username, displayName: row.display_name };
}

export function toAccount(row: AccountRow): Account {
  return {
    accountId: row.account_id,
    username: row.username,
    displayName: row.display_name,
    email: row.email,
    emailVerified: row.email_verified_at !== null,
    language: row.language,
    createdAt: row.created_at.toISOString(),
  };
}
