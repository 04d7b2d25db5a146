import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import { insertUsedChallenge } from "./challenge-queries.ts";
import { type Challenge, challengeInvalid } from "./challenge-token.ts";

/**
 * Uses a challenge up, in the transaction of what it allows: when that fails the challenge is as good as before.
 * @throws AppError `challenge_invalid` when it was used before.
 */
export async function spendChallenge(tx: Transaction<AccountDatabase>, challenge: Challenge): Promise<void> {
  if (!(await insertUsedChallenge(tx, challenge))) throw challengeInvalid();
}
