import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { updatePasskeyUse } from "./passkey-queries.ts";
import type { VerifiedPasskey } from "./verify-passkey.ts";

/**
 * Uses a passkey whose answer was verified. False when its signature counter did not grow, which tells that a copy of
 * it is in other hands (Web Authentication Level 3 section 6.1.1), or when it was removed meanwhile.
 */
export function usePasskey(
  tx: Transaction<AccountDatabase>,
  { clock }: Pick<UserContext, "clock">,
  { passkeyId, signCount, backedUp }: VerifiedPasskey,
): Promise<boolean> {
  return updatePasskeyUse(tx, { passkeyId, signCount, backedUp, at: clock.now() });
}
