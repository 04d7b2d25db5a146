import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql } from "kysely";

type Db = Executor<ChatDatabase>;
type Membership = { readonly conversationId: string; readonly accountId: string };

/**
 * Moves the read mark of a member to a message, never back, and notes that somebody of the account is there (to the
 * second, as `noteAttendance`). Answers where the mark is; undefined when the account is no member, or the message is not
 * of the conversation. Writes only what changes.
 */
export async function advanceReadMark(
  db: Db,
  { conversationId, accountId }: Membership,
  messageId: string,
): Promise<Date | undefined> {
  const { rows } = await sql<{ readAt: Date }>`
    with known as (
      select b.read_at, m.accepted_at from chat.message m
      join chat.member b on b.conversation_id = m.conversation_id and b.account_id = ${accountId}::uuid
      where m.message_id = ${messageId}::uuid and m.conversation_id = ${conversationId}::uuid
    ), marked as (
      update chat.member b set read_at = greatest(b.read_at, known.accepted_at) from known
      where b.conversation_id = ${conversationId}::uuid and b.account_id = ${accountId}::uuid
        and (known.read_at is null or known.read_at < known.accepted_at)
    ), attended as (
      update chat.account set attended_at = now()
      where account_id = ${accountId}::uuid and exists (select from known)
        and (attended_at is null or attended_at < now() - interval '1 second')
    )
    select greatest(read_at, accepted_at) as "readAt" from known`.execute(db);
  return rows[0]?.readAt;
}

/** `until` null: for ever. @returns false when the account is no member. */
export async function setMuted(
  db: Db,
  { conversationId, accountId }: Membership,
  until: Date | null,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update chat.member set muted_until = coalesce(${until}::timestamptz, 'infinity')
    where conversation_id = ${conversationId}::uuid and account_id = ${accountId}::uuid`.execute(db);
  return numAffectedRows === 1n;
}

/** @returns false when the account is no member. */
export async function clearMuted(db: Db, { conversationId, accountId }: Membership): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update chat.member set muted_until = null
    where conversation_id = ${conversationId}::uuid and account_id = ${accountId}::uuid`.execute(db);
  return numAffectedRows === 1n;
}
