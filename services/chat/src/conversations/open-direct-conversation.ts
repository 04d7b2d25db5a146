import { AppError } from "@sotto/platform/app-error";
import { assertLiving } from "../accounts/assert-living.ts";
import type { ChatContext } from "../context.ts";
import { accountBlocked, noSuchAccount } from "../people/refusals.ts";
import { getStanding, type Standing } from "../people/standing-queries.ts";
import { type ConversationRow, findDirect, insertDirect } from "./conversation-queries.ts";

/**
 * The direct conversation of the caller and another account; made when there is none. A repeat gives the same one. One
 * that is there already is given whatever the settings and blocks of the two have become.
 * @throws AppError `not_found` for an account without devices or that does not exist, `bad_request` for the caller's own,
 * `contact_required` when the other takes first messages of contacts only, `account_blocked` when the caller has blocked it.
 */
export async function openDirectConversation(
  context: Pick<ChatContext, "db" | "ids" | "config">,
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
  const existing = await findDirect(context.db, pair, caller.accountId);
  if (existing) return existing;
  assertMayOpen(context, await getStanding(context.db, caller.accountId, otherAccountId));
  return context.db.transaction().execute(async (tx) => {
    await assertLiving(tx, caller.accountId, otherAccountId);
    await insertDirect(tx, context.ids.uuidv7(), pair);
    const made = await findDirect(tx, pair, caller.accountId);
    if (!made) throw new Error("a direct conversation is gone right after it was made");
    return made;
  });
}

/** That the other has blocked the caller is not asked: the answer would tell. */
function assertMayOpen({ config }: Pick<ChatContext, "config">, standing: Standing): void {
  if (!standing.exists) throw noSuchAccount();
  if (standing.isBlocking) throw accountBlocked();
  const audience = standing.whoMayWriteFirst ?? config.DEFAULT_WHO_MAY_WRITE_FIRST;
  if (audience === "everyone" || standing.isContact) return;
  throw new AppError(
    "contact_required",
    "This account is written to by its contacts only. Ask to become one.",
  );
}
