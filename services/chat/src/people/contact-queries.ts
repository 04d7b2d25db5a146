import type { ContactState } from "@sotto/contracts/people-api";
import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

/** A contact, or a request for one, as one of the two has it. */
export type ContactRow = {
  /** The other one. */
  accountId: string;
  /** Whether the other one asked. */
  isAskedByOther: boolean;
  requestedAt: Date;
  acceptedAt: Date | null;
  /** Hidden from whoever was asked. */
  hidden: boolean;
};

const columns = (accountId: string) => sql`
  case when c.low = ${accountId}::uuid then c.high else c.low end as "accountId",
  c.requested_by <> ${accountId}::uuid as "isAskedByOther",
  c.requested_at as "requestedAt", c.accepted_at as "acceptedAt", c.hidden`;

/** The contact of two accounts, as the first of them has it. */
export async function findContact(
  db: Executor<ChatDatabase>,
  accountId: string,
  otherAccountId: string,
): Promise<ContactRow | undefined> {
  const { rows } = await sql<ContactRow>`
    select ${columns(accountId)} from chat.contact c
    where c.low = least(${accountId}::uuid, ${otherAccountId}::uuid)
      and c.high = greatest(${accountId}::uuid, ${otherAccountId}::uuid)`.execute(db);
  return rows[0];
}

/**
 * Asks, or accepts when the other has asked, also in the same moment: of two transactions the second waits for the
 * first, and finds its request. A repeat changes nothing but `hidden`, which a request that may be seen loses.
 */
export async function upsertContact(
  tx: Transaction<ChatDatabase>,
  asked: { accountId: string; otherAccountId: string; hidden: boolean; at: Date },
): Promise<ContactRow> {
  const { accountId, otherAccountId, hidden, at } = asked;
  const { rows } = await sql<ContactRow>`
    insert into chat.contact as c (low, high, requested_by, requested_at, hidden)
    values (
      least(${accountId}::uuid, ${otherAccountId}::uuid), greatest(${accountId}::uuid, ${otherAccountId}::uuid),
      ${accountId}::uuid, ${at}, ${hidden}
    )
    on conflict (low, high) do update set
      accepted_at = coalesce(c.accepted_at, case when c.requested_by <> excluded.requested_by then excluded.requested_at end),
      hidden = c.hidden and excluded.hidden and c.requested_by = excluded.requested_by
    returning ${columns(accountId)}`.execute(tx);
  return rows[0] as ContactRow;
}

/** The contact that was deleted, as `accountId` had it. */
export async function deleteContact(
  tx: Transaction<ChatDatabase>,
  accountId: string,
  otherAccountId: string,
): Promise<ContactRow | undefined> {
  const { rows } = await sql<ContactRow>`
    delete from chat.contact c
    where c.low = least(${accountId}::uuid, ${otherAccountId}::uuid)
      and c.high = greatest(${accountId}::uuid, ${otherAccountId}::uuid)
    returning ${columns(accountId)}`.execute(tx);
  return rows[0];
}

/** Contacts that the account asked for or accepted, up to `most`: what others ask of it does not count. */
export async function countOwnContacts(
  tx: Transaction<ChatDatabase>,
  accountId: string,
  most: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from chat.contact c where c.low = ${accountId}::uuid
        and (c.requested_by = c.low or c.accepted_at is not null)
      union all
      select from chat.contact c where c.high = ${accountId}::uuid
        and (c.requested_by = c.high or c.accepted_at is not null)
      limit ${most}
    ) own`.execute(tx);
  return rows[0]?.count ?? 0;
}

const STATES: { readonly [State in ContactState]: (accountId: string) => ReturnType<typeof sql> } = {
  accepted: () => sql`c.accepted_at is not null`,
  incoming: (accountId) => sql`c.accepted_at is null and c.requested_by <> ${accountId}::uuid`,
  outgoing: (accountId) => sql`c.accepted_at is null and c.requested_by = ${accountId}::uuid`,
};

export type ContactPage = { state: ContactState | undefined; after: string | undefined; limit: number };

/**
 * An account's contacts in the order of their ids, after `after`; by contact_pkey and contact_high. Left out is what is
 * hidden from it, and whom it has blocked.
 */
export async function listContacts(
  db: Executor<ChatDatabase>,
  accountId: string,
  { state, after, limit }: ContactPage,
): Promise<ContactRow[]> {
  const side = (own: "low" | "high", other: "low" | "high") => sql`(
    select ${columns(accountId)} from chat.contact c
    where ${sql.ref(`c.${own}`)} = ${accountId}::uuid
      and (${after ?? null}::uuid is null or ${sql.ref(`c.${other}`)} > ${after ?? null}::uuid)
      and (not c.hidden or c.requested_by = ${accountId}::uuid)
      and not exists (
        select from chat.block b
        where b.account_id = ${accountId}::uuid and b.blocked_account_id = ${sql.ref(`c.${other}`)}
      )
      ${state === undefined ? sql`` : sql`and ${STATES[state](accountId)}`}
    order by ${sql.ref(`c.${other}`)} limit ${limit}
  )`;
  const { rows } = await sql<ContactRow>`
    select * from (${side("low", "high")} union all ${side("high", "low")}) found
    order by "accountId" limit ${limit}`.execute(db);
  return rows;
}
