import type { SecondFactors } from "@sotto/contracts/second-factor-api";
import type { UserContext } from "../context.ts";
import { listPasskeys } from "../passkeys/passkey-queries.ts";
import { countRecoveryCodes, findTotp } from "./second-factor-queries.ts";

/** What the account has beside its password. */
export async function getSecondFactors(
  { db }: Pick<UserContext, "db">,
  accountId: string,
): Promise<SecondFactors> {
  const totp = await findTotp(db, accountId);
  return {
    totp: totp?.confirmedAt ? { confirmedAt: totp.confirmedAt.toISOString() } : null,
    recoveryCodesLeft: await countRecoveryCodes(db, accountId),
    passkeys: await listPasskeys(db, accountId),
  };
}
