import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { findSignInAccountForUpdate } from "../sessions/sign-in-queries.ts";

/**
 * Tells the other services what an account is like now, in the transaction that changed it: address, language, and
 * whether it is active. The lock keeps the order of two changes and that of their events the same.
 */
export async function tellUpdated(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids">,
  accountId: string,
): Promise<void> {
  const found = await findSignInAccountForUpdate(tx, accountId);
  if (!found) return;
  const { username, email, emailVerified, language } = found.account;
  const active = found.state === "active";
  await appendEvents(tx, context, [
    {
      type: "user.account-updated",
      key: accountId,
      data: { accountId, username, email, emailVerified, language, active },
    },
  ]);
}
