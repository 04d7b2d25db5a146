import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import {
  deleteAccounts,
  deleteLimits,
  listDueAccountsForUpdate,
  listSessionIds,
} from "./account-state-queries.ts";

/** Each takes its sessions, audit entries and tokens along. */
const BATCH_SIZE = 20;

/**
 * Deletes accounts whose grace has ended, with everything that this service knows of them, and tells the other services;
 * a chore. An account is locked before it is judged, as a sign-in locks it: whoever comes first decides, and one that
 * was signed in to is not due any more. True when there may be more.
 */
export async function deleteDueAccounts(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "clock" | "ids" | "log">,
): Promise<boolean> {
  const due = await listDueAccountsForUpdate(tx, context.clock.now(), BATCH_SIZE);
  if (due.length === 0) return false;
  const accountIds = due.map(({ accountId }) => accountId);
  const sessionIds = await listSessionIds(tx, accountIds);
  await deleteLimits(tx, {
    keys: [...accountIds, ...sessionIds],
    // Keys of tries at a name are JSON arrays that begin with it: take-password-try.ts.
    prefixes: due.map(({ username }) => `sign-in.account:[${JSON.stringify(username)}`),
  });
  await deleteAccounts(tx, accountIds);
  await appendEvents(
    tx,
    context,
    accountIds.map((accountId) => ({ type: "user.account-deleted", key: accountId, data: { accountId } })),
  );
  context.log.info({ accounts: due.length }, "accounts were deleted whose grace had ended");
  return due.length === BATCH_SIZE;
}
