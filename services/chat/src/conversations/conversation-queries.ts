import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

export type ConversationRow = { conversationId: string; kind: "direct"; members: string[]; createdAt: Date };

type Pair = { low: string; high: string };

/** The direct conversation of two accounts, the smaller id first. */
export async function findDirect(
  db: Executor<ChatDatabase>,
  { low, high }: Pair,
): Promise<ConversationRow | undefined> {
  const row = await db
    .selectFrom("conversation")
    .select(["conversation_id", "created_at"])
    .where("direct_low", "=", low)
    .where("direct_high", "=", high)
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    conversationId: row.conversation_id,
    kind: "direct",
    members: [low, high],
    createdAt: row.created_at,
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

/** True when the account has registered a device, that is, when it can be written to. */
export async function accountExists(db: Executor<ChatDatabase>, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom("account")
    .select("account_id")
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Members of a conversation; empty when there is none. */
export async function listMembers(db: Executor<ChatDatabase>, conversationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("member")
    .select("account_id")
    .where("conversation_id", "=", conversationId)
    .execute();
  return rows.map(({ account_id }) => account_id);
}

/** An account's conversations, newest first (their ids are UUIDv7), before `after`; by the index member_account. */
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
      sql<
        string[]
      >`array(select m.account_id::text from chat.member m where m.conversation_id = c.conversation_id order by 1)`.as(
        "members",
      ),
    ])
    .where("own.account_id", "=", accountId)
    .$if(page.after !== undefined, (query) => query.where("own.conversation_id", "<", page.after as string))
    .orderBy("own.conversation_id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map((row) => ({
    conversationId: row.conversation_id,
    kind: "direct",
    members: row.members,
    createdAt: row.created_at,
  }));
}
