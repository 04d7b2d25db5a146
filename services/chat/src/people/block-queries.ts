import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";

export type BlockRow = { accountId: string; blockedAt: Date };

export async function findBlock(
  db: Executor<ChatDatabase>,
  accountId: string,
  blockedAccountId: string,
): Promise<BlockRow | undefined> {
  return db
    .selectFrom("block")
    .select(["blocked_account_id as accountId", "blocked_at as blockedAt"])
    .where("account_id", "=", accountId)
    .where("blocked_account_id", "=", blockedAccountId)
    .executeTakeFirst();
}

/** The caller holds `lockPeople` and has found no such block. */
export async function insertBlock(
  tx: Transaction<ChatDatabase>,
  accountId: string,
  { accountId: blockedAccountId, blockedAt }: BlockRow,
): Promise<void> {
  await tx
    .insertInto("block")
    .values({ account_id: accountId, blocked_account_id: blockedAccountId, blocked_at: blockedAt })
    .execute();
}

export async function deleteBlock(
  db: Executor<ChatDatabase>,
  accountId: string,
  blockedAccountId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("block")
    .where("account_id", "=", accountId)
    .where("blocked_account_id", "=", blockedAccountId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function countBlocks(tx: Transaction<ChatDatabase>, accountId: string): Promise<number> {
  const { count } = await tx
    .selectFrom("block")
    .select((expression) => expression.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Whom an account has blocked, in the order of their ids, after `after`; by the primary key. */
export async function listBlocks(
  db: Executor<ChatDatabase>,
  accountId: string,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<BlockRow[]> {
  return db
    .selectFrom("block")
    .select(["blocked_account_id as accountId", "blocked_at as blockedAt"])
    .where("account_id", "=", accountId)
    .$if(after !== undefined, (query) => query.where("blocked_account_id", ">", after as string))
    .orderBy("blocked_account_id")
    .limit(limit)
    .execute();
}
