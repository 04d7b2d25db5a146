import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { lowestUuidv7 } from "./lowest-uuidv7.ts";
import {
  deleteAuditBefore,
  deleteExpiredChallenges,
  deleteExpiredLimits,
  deleteExpiredMailTokens,
} from "./upkeep-queries.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const BATCH = 1000;

/** Deletes a batch of what nobody may use or see any more; true when a whole batch of something was found. */
export async function forgetExpired(
  tx: Transaction<AccountDatabase>,
  { clock, auditDays }: Pick<UserContext, "clock" | "auditDays">,
): Promise<boolean> {
  const now = clock.now();
  const keptFrom = new Date(now.getTime() - auditDays * DAY_MS);
  const deleted = [
    await deleteAuditBefore(tx, lowestUuidv7(keptFrom), BATCH),
    await deleteExpiredChallenges(tx, now, BATCH),
    await deleteExpiredMailTokens(tx, now, BATCH),
    await deleteExpiredLimits(tx, now, BATCH),
  ];
  return deleted.some((count) => count === BATCH);
}
