import type { ChatContext } from "../context.ts";
import { deleteContact } from "./contact-queries.ts";
import { getStanding } from "./standing-queries.ts";

/** Ends a contact, withdraws a request, or declines one, also one that the caller does not see. A repeat is harmless. */
export async function removeContact(
  context: Pick<ChatContext, "db" | "news">,
  caller: { accountId: string },
  otherAccountId: string,
): Promise<void> {
  const { accountId } = caller;
  const told = await context.db.transaction().execute(async (tx) => {
    const deleted = await deleteContact(tx, accountId, otherAccountId);
    if (!deleted) return [];
    const { isBlocked } = await getStanding(tx, accountId, otherAccountId);
    const wasSeen = deleted.isAskedByOther || !deleted.hidden;
    return wasSeen && !isBlocked ? [accountId, otherAccountId] : [accountId];
  });
  context.news.tell(told);
}
