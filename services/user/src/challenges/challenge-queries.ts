import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";

/** False when it was there before. Of two at once the second waits for what becomes of the first. */
export async function insertUsedChallenge(
  tx: Transaction<AccountDatabase>,
  { id, expiresAt }: { id: string; expiresAt: Date },
): Promise<boolean> {
  const row = await tx
    .insertInto("used_challenge")
    .values({ challenge_id: id, expires_at: expiresAt })
    .onConflict((conflict) => conflict.doNothing())
    .returning("challenge_id")
    .executeTakeFirst();
  return row !== undefined;
}
