import { type Account, type AccountState, accountState } from "@sotto/contracts/user-api";
import { ask, type Executor, type Question } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";
import type pg from "pg";
import { ACCOUNT_COLUMNS, type AccountRow, toAccount } from "../accounts/account-queries.ts";

export type LockedAccount = {
  readonly account: Account;
  readonly passwordHash: string;
  readonly state: AccountState;
};

export type SignInAccount = LockedAccount & {
  readonly hasTotp: boolean;
  readonly hasPasskey: boolean;
  readonly hasRecoveryCode: boolean;
};

type SignInRow = AccountRow & {
  password_hash: string;
  state: string;
  has_totp: boolean;
  has_passkey: boolean;
  has_recovery_code: boolean;
};

const SIGN_IN_ACCOUNT = `
select ${ACCOUNT_COLUMNS.join(", ")}, password_hash, state,
  exists (select from account.totp t where t.account_id = a.account_id and t.confirmed_at is not null) as has_totp,
  exists (select from account.passkey p where p.account_id = a.account_id) as has_passkey,
  exists (select from account.recovery_code r where r.account_id = a.account_id) as has_recovery_code
from account.account a`;

/** Everything that a sign-in by password asks for. Nobody has an absent name. */
export function askSignInAccount(
  by: { username: string | undefined } | { accountId: string },
): Question<SignInAccount> {
  const [name, column, value] =
    "accountId" in by
      ? ["sign-in-by-id", "account_id", by.accountId]
      : ["sign-in-by-name", "username", by.username];
  return {
    name: String(name),
    text: (at) => `${SIGN_IN_ACCOUNT} where ${column} = $${at}`,
    values: [value],
    read: (row) => toSignInAccount(row as SignInRow),
  };
}

export async function findSignInAccount(
  pool: pg.Pool,
  by: { username: string } | { accountId: string },
): Promise<SignInAccount | undefined> {
  return ask(pool, askSignInAccount(by));
}

function toSignInAccount(row: SignInRow): SignInAccount {
  return {
    account: toAccount(row),
    passwordHash: row.password_hash,
    state: accountState.parse(row.state),
    hasTotp: row.has_totp,
    hasPasskey: row.has_passkey,
    hasRecoveryCode: row.has_recovery_code,
  };
}

/** The lock lets whatever changes an account's state, its credentials and its sessions happen one after the other. */
export async function findSignInAccountForUpdate(
  tx: Transaction<AccountDatabase>,
  accountId: string,
): Promise<LockedAccount | undefined> {
  const row = await tx
    .selectFrom("account")
    .select([...ACCOUNT_COLUMNS, "password_hash", "state"])
    .where("account_id", "=", accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return (
    row && {
      account: toAccount(row),
      passwordHash: row.password_hash,
      state: accountState.parse(row.state),
    }
  );
}

/** Ends a deactivation, or the wait for a deletion. */
export async function activateAccount(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  at: Date,
): Promise<void> {
  await tx
    .updateTable("account")
    .set({ state: "active", state_since: at, deletes_at: null })
    .where("account_id", "=", accountId)
    .execute();
}

/** Whether the account has signed in from this address or network before; by the index audit_entry_of_sign_in. */
export async function hasSignedInFrom(
  db: Executor<AccountDatabase>,
  username: string,
  network: string,
): Promise<boolean> {
  const row = await db
    .selectFrom("audit_entry")
    .innerJoin("account", "account.account_id", "audit_entry.account_id")
    .select("audit_entry.audit_id")
    .where("account.username", "=", username)
    .where("audit_entry.type", "=", "signed-in")
    .where(sql<boolean>`audit_entry.address <<= ${network}::inet`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Renews when the session proved who it is; false when it has ended. */
export async function updateAuthenticatedAt(
  tx: Transaction<AccountDatabase>,
  session: { sessionId: string; accountId: string; at: Date },
): Promise<boolean> {
  const row = await tx
    .updateTable("session")
    .set({ authenticated_at: session.at })
    .where("session_id", "=", session.sessionId)
    .where("account_id", "=", session.accountId)
    .where("revoked_at", "is", null)
    .returning("session_id")
    .executeTakeFirst();
  return row !== undefined;
}
