import type { SecurityNotice } from "@sotto/contracts/events";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import { findAccount } from "../accounts/account-queries.ts";
import type { UserContext } from "../context.ts";
import { ownerNotice } from "./owner-notice.ts";

/**
 * Sees to it that the owner of an account hears of what happened, in the caller's transaction. `client`: what the
 * client that did it calls itself. Goes to the address that the account has at this moment in the transaction.
 */
export async function notifyOwner(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids">,
  { accountId, notice, client }: { accountId: string; notice: SecurityNotice; client?: string | null },
): Promise<void> {
  const account = await findAccount(tx, accountId);
  if (!account) return;
  await appendEvents(tx, context, [ownerNotice(account, notice, client ?? undefined)]);
}
