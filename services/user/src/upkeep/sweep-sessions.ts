import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { endedBefore } from "../sessions/session-age.ts";
import { deleteEndedSessionsAfter } from "./upkeep-queries.ts";

/** Smaller than every session id. */
const START = "00000000-0000-0000-0000-000000000000";

/**
 * Deletes long-ended sessions of people who do not sign in any more. Each batch looks at the sessions that follow those
 * of the batch before; true until all have been looked at.
 */
export function createSessionSweep(
  limit = 1000,
): (tx: Transaction<AccountDatabase>, context: Pick<UserContext, "clock">) => Promise<boolean> {
  let after = START;
  return async (tx, { clock }) => {
    const last = await deleteEndedSessionsAfter(tx, after, { before: endedBefore(clock.now()), limit });
    after = last ?? START;
    return last !== undefined;
  };
}
