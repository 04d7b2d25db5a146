import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { RefreshChain } from "./refresh-chain.ts";

export type NewSession = {
  sessionId: string;
  accountId: string;
  refreshKey: Buffer;
  chain: RefreshChain;
  client: string | null;
  at: Date;
};

export async function insertSession(db: Executor<AccountDatabase>, session: NewSession): Promise<void> {
  await db.insertInto("session").values(sessionColumns(session)).execute();
}

/**
 * Whether the session exists, was not revoked, and belongs to an account that may act. What ends an account's activity
 * ends its sessions too; a session that slipped through would be of no use.
 */
export async function hasLiveSession(db: Executor<AccountDatabase>, sessionId: string): Promise<boolean> {
  const row = await db
    .selectFrom("session")
    .innerJoin("account", "account.account_id", "session.account_id")
    .select("session.session_id")
    .where("session.session_id", "=", sessionId)
    .where("session.revoked_at", "is", null)
    .where("account.state", "=", "active")
    .executeTakeFirst();
  return row !== undefined;
}

export async function isSessionOf(
  db: Executor<AccountDatabase>,
  { accountId, sessionId }: { accountId: string; sessionId: string },
): Promise<boolean> {
  const row = await db
    .selectFrom("session")
    .select("session_id")
    .where("session_id", "=", sessionId)
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row !== undefined;
}

export type LiveSession = {
  readonly sessionId: string;
  readonly client: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
};

/** Sessions that were not revoked, the ones used last first; by the index session_of_account. */
export async function listLiveSessions(
  db: Executor<AccountDatabase>,
  accountId: string,
  { usedSince, limit }: { usedSince: Date; limit: number },
): Promise<LiveSession[]> {
  const rows = await db
    .selectFrom("session")
    .select(["session_id", "client", "created_at", "last_used_at"])
    .where("account_id", "=", accountId)
    .where("revoked_at", "is", null)
    .where("last_used_at", ">=", usedSince)
    .orderBy("last_used_at", "desc")
    .orderBy("session_id", "desc")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    sessionId: row.session_id,
    client: row.client,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  }));
}

export type LockedSession = {
  readonly accountId: string;
  /** Whether the account may act. */
  readonly isActive: boolean;
  readonly client: string | null;
  readonly lastUsedAt: Date;
  readonly authenticatedAt: Date;
  readonly revokedAt: Date | null;
  readonly refreshKey: Buffer;
  readonly chain: RefreshChain;
};

/** The lock lets two refreshes of one session decide one after the other. */
export async function findSessionForUpdate(
  tx: Transaction<AccountDatabase>,
  sessionId: string,
): Promise<LockedSession | undefined> {
  const row = await tx
    .selectFrom("session")
    .innerJoin("account", "account.account_id", "session.account_id")
    .selectAll("session")
    .select("account.state")
    .where("session.session_id", "=", sessionId)
    .forUpdate("session")
    .executeTakeFirst();
  return (
    row && {
      accountId: row.account_id,
      isActive: row.state === "active",
      client: row.client,
      lastUsedAt: row.last_used_at,
      authenticatedAt: row.authenticated_at,
      revokedAt: row.revoked_at,
      refreshKey: row.refresh_key,
      chain: {
        usedHash: row.refresh_used_hash,
        successorHashes: row.refresh_successor_hashes,
      },
    }
  );
}

export async function updateRefreshChain(
  tx: Transaction<AccountDatabase>,
  sessionId: string,
  update: { chain: RefreshChain; at: Date },
): Promise<void> {
  await tx
    .updateTable("session")
    .set({ last_used_at: update.at, ...chainColumns(update.chain) })
    .where("session_id", "=", sessionId)
    .execute();
}

/** The account of the session, or undefined when it was revoked before. */
export async function revokeSessionRow(
  tx: Transaction<AccountDatabase>,
  sessionId: string,
  at: Date,
): Promise<string | undefined> {
  const row = await tx
    .updateTable("session")
    .set({ revoked_at: at })
    .where("session_id", "=", sessionId)
    .where("revoked_at", "is", null)
    .returning("account_id")
    .executeTakeFirst();
  return row?.account_id;
}

/**
 * Lets what changes an account's sessions as a whole, and what starts one, decide one after the other.
 * False when there is no such account.
 */
export async function lockAccount(tx: Transaction<AccountDatabase>, accountId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("account")
    .select("account_id")
    .where("account_id", "=", accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Ids of the sessions that were not revoked before; by the index session_of_account. */
export async function revokeSessionRows(
  tx: Transaction<AccountDatabase>,
  which: { accountId: string; exceptSessionId: string | undefined; at: Date },
): Promise<string[]> {
  const { exceptSessionId } = which;
  const rows = await tx
    .updateTable("session")
    .set({ revoked_at: which.at })
    .where("account_id", "=", which.accountId)
    .where("revoked_at", "is", null)
    .$if(exceptSessionId !== undefined, (query) => query.where("session_id", "<>", exceptSessionId as string))
    .returning("session_id")
    .execute();
  return rows.map((row) => row.session_id);
}

/**
 * Inserts a session, and deletes those of the account that were revoked or last used before these times, in one
 * statement. What another is deleting is skipped.
 */
export async function replaceEndedSessions(
  db: Executor<AccountDatabase>,
  session: NewSession,
  before: { revoked: Date; used: Date },
): Promise<void> {
  const ended = db
    .selectFrom("session")
    .select("session_id")
    .where("account_id", "=", session.accountId)
    .where((where) =>
      where.or([where("revoked_at", "<", before.revoked), where("last_used_at", "<", before.used)]),
    )
    .forUpdate()
    .skipLocked();
  await db
    .with("deleted", (tables) => tables.deleteFrom("session").where("session_id", "in", ended))
    .insertInto("session")
    .values(sessionColumns(session))
    .execute();
}

function sessionColumns(session: NewSession) {
  return {
    session_id: session.sessionId,
    account_id: session.accountId,
    created_at: session.at,
    last_used_at: session.at,
    authenticated_at: session.at,
    client: session.client,
    refresh_key: session.refreshKey,
    ...chainColumns(session.chain),
  };
}

function chainColumns(chain: RefreshChain) {
  return {
    refresh_used_hash: chain.usedHash,
    refresh_successor_hashes: [...chain.successorHashes],
  };
}
