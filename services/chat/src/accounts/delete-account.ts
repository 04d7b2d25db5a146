import type { ChatContext } from "../context.ts";
import { lockDeviceSet } from "../devices/account-lock.ts";
import { type ClearContext, clearAccount } from "./clear-account.ts";
import { insertDeleted } from "./deletion-queries.ts";

/**
 * Deletes an account: at once what may act for it, then everything else, and its messages by and by (see
 * finish-deletions.ts). An account that this service never knew is no error; a repeat is harmless. What is cut short goes
 * on with the next delivery of the event, or by finish-deletions.ts.
 */
export async function deleteAccount(
  context: ClearContext & Pick<ChatContext, "clock">,
  accountId: string,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    // Waits for whatever is being stored for the account; later ones see that it is gone.
    await lockDeviceSet(tx, accountId);
    await insertDeleted(tx, accountId, context.clock.now());
  });
  await clearAccount(context, accountId);
}
