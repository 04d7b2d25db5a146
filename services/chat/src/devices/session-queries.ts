import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

type Tx = Transaction<ChatDatabase>;

/** First key of the two-key advisory locks that guard sessions; used for nothing else in this database. */
const SESSION_LOCK_CLASS = 5082;

/**
 * Until `tx` ends: a session is bound to a device, or revoked, but not both at once. After the lock of a device set and
 * before any row lock.
 */
export async function lockSession(tx: Tx, sessionId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SESSION_LOCK_CLASS}::int, hashtext(${sessionId}))`.execute(tx);
}

export async function isRevoked(tx: Tx, sessionId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("revoked_session")
    .select("session_id")
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertRevoked(tx: Tx, sessionId: string, at: Date): Promise<void> {
  await tx
    .insertInto("revoked_session")
    .values({ session_id: sessionId, revoked_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Unbinds all devices from a session; the answer names them. */
export async function unbindSession(tx: Tx, sessionId: string): Promise<string[]> {
  const rows = await tx
    .updateTable("device")
    .set({ session_id: null })
    .where("session_id", "=", sessionId)
    .returning("device_id")
    .execute();
  return rows.map((row) => row.device_id);
}

/** By the index revoked_session_forgotten. */
export async function deleteRevokedBefore(tx: Tx, before: Date): Promise<void> {
  await tx.deleteFrom("revoked_session").where("revoked_at", "<", before).execute();
}
