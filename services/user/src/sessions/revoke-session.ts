import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { revokeSessionRow } from "./session-queries.ts";

/** Ends a session and tells the other services, in the caller's transaction. False when it had ended before. */
export async function revokeSession(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids">,
  sessionId: string,
): Promise<boolean> {
  const accountId = await revokeSessionRow(tx, sessionId, context.clock.now());
  if (accountId === undefined) return false;
  await appendEvents(tx, context, [
    { type: "user.session-revoked", key: accountId, data: { accountId, sessionId } },
  ]);
  return true;
}
