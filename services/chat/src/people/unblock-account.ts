import type { ChatContext } from "../context.ts";
import { deleteBlock } from "./block-queries.ts";

/** Ends a block. What was withheld meanwhile stays withheld. A repeat is harmless. */
export async function unblockAccount(
  context: Pick<ChatContext, "db" | "news">,
  caller: { accountId: string },
  blockedAccountId: string,
): Promise<void> {
  if (await deleteBlock(context.db, caller.accountId, blockedAccountId))
    context.news.tell([caller.accountId]);
}
