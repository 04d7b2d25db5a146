import { type Account, type AccountState, accountState } from "@sotto/contracts/user-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";
import { ACCOUNT_COLUMNS, toAccount } from "../accounts/account-queries.ts";

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

/** Everything that a sign-in by password asks for, in one statement. */
export async function findSignInAccount(
  db: Executor<AccountDatabase>,
  by: { username: string } | { accountId: string },
): Promise<SignInAccount | undefined> {
  const row = await db
    .selectFrom("account")
    .select([...ACCOUNT_COLUMNS, "password_hash", "state"])
    .select((select) => [
      select
        .exists(
          select
            .selectFrom("totp")
            .select("totp.account_id")
            .whereRef("totp.account_id", "=", "account.account_id")
            .where("totp.confirmed_at", "is not", null),
        )
        .as("has_totp"),
      select
        .exists(
          select
            .selectFrom("passkey")
            .select("passkey.account_id")
            .whereRef("passkey.account_id", "=", "account.account_id"),
        )
        .as("has_passkey"),
      select
        .exists(
          select
            .selectFrom("recovery_code")
            .select("recovery_code.account_id")
            .whereRef("recovery_code.account_id", "=", "account.account_id"),
        )
        .as("has_recovery_code"),
    ])
    .$if("username" in by, (query) => query.where("username", "=", (by as { username: string }).username))
    .$if("accountId" in by, (query) =>
      query.where("account_id", "=", (by as { accountId: string }).accountId),
    )
    .executeTakeFirst();
  return (
    row && {
      account: toAccount(row),
      passwordHash: row.password_hash,
      state: accountState.parse(row.state),
      hasTotp: Boolean(row.has_totp),
      hasPasskey: Boolean(row.has_passkey),
      hasRecoveryCode: Boolean(row.has_recovery_code),
    }
  );
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
