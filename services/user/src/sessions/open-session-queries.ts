import type pg from "pg";
import type { NewSession } from "./session-queries.ts";

/** What an account must still be when its session is opened. */
export type Unchanged = {
  readonly accountId: string;
  readonly username: string;
  readonly email: string;
  readonly passwordHash: string;
};

export type Opening = {
  readonly unchanged: Unchanged;
  readonly session: NewSession;
  /** Sessions of the account that were revoked, or last used, before these times are deleted. */
  readonly endedBefore: { readonly revoked: Date; readonly used: Date };
  readonly auditId: string;
  readonly address: string | undefined;
  /** For the audit entry, as JSON. */
  readonly details: string;
  /** For the outbox, as JSON. */
  readonly events: string;
  /** What to take off a row of `rate_limit`. */
  readonly owed: { readonly key: string; readonly ms: number } | undefined;
};

/**
 * Everything else asks for the row of `unchanged`, and so comes after its lock, which waits for whoever changes the
 * account or ends its sessions, and then sees what became of it.
 */
const OPEN_UNCHANGED = `
with unchanged as materialized (
  select account_id from account.account
  where account_id = $1 and username = $2 and email = $3 and password_hash = $4 and state = 'active'
  for no key update
), ended as (
  delete from account.session where session_id in (
    select session_id from account.session
    where account_id = (select account_id from unchanged) and (revoked_at < $5 or last_used_at < $6)
    for update skip locked
  )
), opened as (
  insert into account.session (
    session_id, account_id, created_at, last_used_at, authenticated_at, client, refresh_key, refresh_successor_hashes
  )
  select $7::uuid, account_id, $8::timestamptz, $8, $8, $9::text, $10::bytea, $11::bytea[] from unchanged
), audited as (
  insert into account.audit_entry (audit_id, account_id, type, at, address, client, session_id, details)
  select $12::uuid, account_id, 'signed-in', $8, $13::inet, $9, $7, $14::jsonb from unchanged
), given_back as (
  update account.rate_limit set expire = expire - $15::bigint
  where key = $16 and exists (select from unchanged)
)
insert into outbox.event (events) select $17::jsonb from unchanged`;

/**
 * Opens a session of an active account that is still what it was, with its audit entry and its events, in one
 * statement, which is a transaction. False when the account has changed: then nothing was written.
 */
export async function openUnchanged(pool: pg.Pool, opening: Opening): Promise<boolean> {
  const { unchanged, session, endedBefore, owed } = opening;
  const { rowCount } = await pool.query({
    name: "open-unchanged",
    text: OPEN_UNCHANGED,
    values: [
      unchanged.accountId,
      unchanged.username,
      unchanged.email,
      unchanged.passwordHash,
      endedBefore.revoked,
      endedBefore.used,
      session.sessionId,
      session.at,
      session.client,
      session.refreshKey,
      session.chain.successorHashes,
      opening.auditId,
      opening.address,
      opening.details,
      owed?.ms,
      owed?.key,
      opening.events,
    ],
  });
  return rowCount === 1;
}
