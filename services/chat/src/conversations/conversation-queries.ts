import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

/** A conversation as one of its members sees it. */
export type ConversationRow = {
  conversationId: string;
  kind: "direct";
  members: string[];
  createdAt: Date;
  readAt: Date | null;
  muted: { until: Date | null } | null;
};

type Pair = { low: string; high: string };

/** What the member `own` says of the conversation; for ever has no date. */
const ownView = [
  "own.read_at",
  sql<boolean>`coalesce(own.muted_until > now(), false)`.as("is_muted"),
  sql<Date | null>`nullif(own.muted_until, 'infinity')`.as("muted_until"),
] as const;

type OwnView = { read_at: Date | null; is_muted: boolean; muted_until: Date | null };

function toView(row: OwnView): Pick<ConversationRow, "readAt" | "muted"> {
  return { readAt: row.read_at, muted: row.is_muted ? { until: row.muted_until } : null };
}

/** The direct conversation of two accounts, the smaller id first, as `accountId`, one of them, sees it. */
export async function findDirect(
  db: Executor<ChatDatabase>,
  { low, high }: Pair,
  accountId: string,
): Promise<ConversationRow | undefined> {
  const row = await db
    .selectFrom("conversation as c")
    .innerJoin("member as own", (join) =>
      join.onRef("own.conversation_id", "=", "c.conversation_id").on("own.account_id", "=", accountId),
    )
    .select(["c.conversation_id", "c.created_at", ...ownView])
    .where("c.direct_low", "=", low)
    .where("c.direct_high", "=", high)
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    conversationId: row.conversation_id,
    kind: "direct",
    members: [low, high],
    createdAt: row.created_at,
    ...toView(row),
  };
}

/** Inserts a direct conversation with its two members; does nothing when the pair has one. */
export async function insertDirect(
  tx: Transaction<ChatDatabase>,
  conversationId: string,
  { low, high }: Pair,
): Promise<void> {
  const inserted = await tx
    .insertInto("conversation")
    .values({ conversation_id: conversationId, kind: "direct", direct_low: low, direct_high: high })
    .onConflict((conflict) => conflict.constraint("conversation_direct_pair").doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) return;
  await tx
    .insertInto("member")
    .values([low, high].map((account_id) => ({ conversation_id: conversationId, account_id })))
    .execute();
}

/**
 * Members of a conversation, and whether each is told that `accountId` types: never the account itself, nor who has
 * blocked it or is blocked by it; beyond that its setting `presence` decides. Empty when there is no such conversation.
 */
export async function listAudience(
  db: Executor<ChatDatabase>,
  conversationId: string,
  accountId: string,
): Promise<{ accountId: string; isTold: boolean }[]> {
  const { rows } = await sql<{ accountId: string; isTold: boolean }>`
    select m.account_id as "accountId",
      m.account_id <> t.account_id
      and not exists (
        select from chat.block b where b.account_id = m.account_id and b.blocked_account_id = t.account_id
      )
      and not exists (
        select from chat.block b where b.account_id = t.account_id and b.blocked_account_id = m.account_id
      )
      and case coalesce(p.presence, 'everyone')
        when 'everyone' then true
        when 'contacts' then exists (
          select from chat.contact c
          where c.low = least(m.account_id, t.account_id) and c.high = greatest(m.account_id, t.account_id)
            and c.accepted_at is not null
        )
        else false
      end as "isTold"
    from (select ${accountId}::uuid as account_id) t
    left join chat.privacy p on p.account_id = t.account_id
    join chat.member m on m.conversation_id = ${conversationId}::uuid`.execute(db);
  return rows;
}

/** Whether somebody opened a conversation `c` with the account while being blocked by it. */
function isUnwanted(accountId: string) {
  return sql<boolean>`exists (
    select from chat.block b
    where b.account_id = ${accountId}::uuid and b.blocked_at <= c.created_at
      and b.blocked_account_id = case when c.direct_low = ${accountId}::uuid then c.direct_high else c.direct_low end
  )`;
}

/**
 * An account's conversations, newest first (their ids are UUIDv7), before `after`; by the index member_account. Left out is
 * what somebody opened whom the account had blocked then, as long as the block stands.
 */
export async function listConversations(
  db: Executor<ChatDatabase>,
  accountId: string,
  page: { after: string | undefined; limit: number },
): Promise<ConversationRow[]> {
  const rows = await db
    .selectFrom("member as own")
    .innerJoin("conversation as c", "c.conversation_id", "own.conversation_id")
    .select([
      "c.conversation_id",
      "c.created_at",
      ...ownView,
      sql<
        string[]
      >`array(select m.account_id::text from chat.member m where m.conversation_id = c.conversation_id order by 1)`.as(
        "members",
      ),
    ])
    .where("own.account_id", "=", accountId)
    .where(isUnwanted(accountId), "is", false)
    .$if(page.after !== undefined, (query) => query.where("own.conversation_id", "<", page.after as string))
    .orderBy("own.conversation_id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map((row) => ({
    conversationId: row.conversation_id,
    kind: "direct",
    members: row.members,
    createdAt: row.created_at,
    ...toView(row),
  }));
}
