import type { Block } from "@sotto/contracts/people-api";
import type { ChatContext } from "../context.ts";
import { listBlocks as findPage } from "./block-queries.ts";

/** One page of whom the caller has blocked, in the order of their ids. */
export async function listBlocks(
  context: Pick<ChatContext, "db">,
  caller: { accountId: string },
  page: { after: string | undefined; limit: number },
): Promise<{ blocks: Block[]; next: string | null }> {
  // One more than asked for tells whether there is another page.
  const found = await findPage(context.db, caller.accountId, { ...page, limit: page.limit + 1 });
  const blocks = found
    .slice(0, page.limit)
    .map(({ accountId, blockedAt }) => ({ accountId, blockedAt: blockedAt.toISOString() }));
  const next = found.length > page.limit ? (blocks.at(-1)?.accountId ?? null) : null;
  return { blocks, next };
}
