import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";

type Db = Executor<AccountDatabase>;

/** What the service keeps of an account beside its sessions, passkeys and audit entries. */
export async function findAccountExport(db: Db, accountId: string) {
  const row = await db
    .selectFrom("account")
    .leftJoin("totp", "totp.account_id", "account.account_id")
    .select([
      "account.account_id",
      "account.username",
      "account.display_name",
      "account.email",
      "account.email_verified_at",
      "account.language",
      "account.created_at",
      "account.state",
      "account.state_since",
      "account.operator_role",
      "totp.confirmed_at",
    ])
    .where("account.account_id", "=", accountId)
    .executeTakeFirst();
  return (
    row && {
      accountId: row.account_id,
      username: row.username,
      displayName: row.display_name,
      email: row.email,
      emailVerifiedAt: row.email_verified_at,
      language: row.language,
      createdAt: row.created_at,
      state: row.state,
      stateSince: row.state_since,
      operatorRole: row.operator_role,
      authenticatorAppSince: row.confirmed_at,
    }
  );
}

/** Oldest first, those that have ended too, as long as they are kept; by the index session_of_account. */
export async function listSessionExports(db: Db, accountId: string) {
  const rows = await db
    .selectFrom("session")
    .select(["session_id", "client", "created_at", "authenticated_at", "last_used_at", "revoked_at"])
    .where("account_id", "=", accountId)
    .orderBy("session_id")
    .execute();
  return rows.map((row) => ({
    sessionId: row.session_id,
    client: row.client,
    createdAt: row.created_at,
    authenticatedAt: row.authenticated_at,
    lastSeenAt: row.last_used_at,
    endedAt: row.revoked_at,
  }));
}

/** Without their keys; by the index passkey_of_account. */
export async function listPasskeyExports(db: Db, accountId: string) {
  const rows = await db
    .selectFrom("passkey")
    .select(["passkey_id", "name", "backed_up", "transports", "created_at", "last_used_at"])
    .where("account_id", "=", accountId)
    .orderBy("passkey_id")
    .execute();
  return rows.map((row) => ({
    passkeyId: row.passkey_id,
    name: row.name,
    backedUp: row.backed_up,
    transports: row.transports,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }));
}
