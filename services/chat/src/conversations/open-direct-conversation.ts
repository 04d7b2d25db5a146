import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { accountExists, type ConversationRow, findDirect, insertDirect } from "./conversation-queries.ts";

/**
 * The direct conversation of the caller and another account; made when there is none. A repeat gives the same one.
 * @throws AppError `not_found` for an account without devices or that does not exist, `bad_request` for the caller's own
 */
export async function openDirectConversation(
  context: Pick<ChatContext, "db" | "ids">,
  caller: { accountId: string },
  otherAccountId: string,
): Promise<ConversationRow> {
  if (otherAccountId === caller.accountId) {
    throw new AppError("bad_request", "A direct conversation needs another account than your own.");
  }
  const pair =
    caller.accountId < otherAccountId
      ? { low: caller.accountId, high: otherAccountId }
      : { low: otherAccountId, high: caller.accountId };
  const existing = await findDirect(context.db, pair);
  if (existing) return existing;
  if (!(await accountExists(context.db, otherAccountId))) {
    throw new AppError("not_found", "There is no such account, or it cannot be written to.");
  }
  await context.db.transaction().execute((tx) => insertDirect(tx, context.ids.uuidv7(), pair));
  const made = await findDirect(context.db, pair);
  if (!made) throw new Error("a direct conversation is gone right after it was made");
  return made;
}
