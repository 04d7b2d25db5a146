import type { SecondFactorProof } from "@sotto/contracts/session-api";
import { AppError } from "@sotto/platform/app-error";
import type { Origin } from "../audit/record-audit.ts";
import { challengeInvalid, openChallenge } from "../challenges/challenge-token.ts";
import { spendChallenge } from "../challenges/spend-challenge.ts";
import type { UserContext } from "../context.ts";
import { invalidCode } from "../second-factors/confirm-totp.ts";
import { consumeProof } from "../second-factors/consume-proof.ts";
import { passwordBinding } from "../second-factors/require-second-factor.ts";
import { openSession } from "./open-session.ts";
import { prepareSession } from "./prepare-session.ts";
import type { StartedSession } from "./sign-in.ts";
import { findSignInAccountForUpdate } from "./sign-in-queries.ts";

type Deps = Pick<
  UserContext,
  | "db"
  | "accessTokens"
  | "clock"
  | "ids"
  | "randomBytes"
  | "log"
  | "limits"
  | "failures"
  | "sealer"
  | "publicOrigin"
>;

/**
 * Finishes a sign-in by the second factor. The challenge stands for the password, and may be tried again after a wrong
 * proof as long as the account's limit allows; it starts one session.
 * @throws AppError `challenge_invalid`, also when the password was changed since, `invalid_code` for a wrong code,
 * `invalid_credentials` for a wrong passkey, `account_suspended`, `rate_limited`.
 */
export async function signInSecondFactor(
  context: Deps,
  input: { challenge: string; proof: SecondFactorProof; client?: string | undefined },
  origin: Origin,
): Promise<StartedSession> {
  const challenge = openChallenge(context, "second-factor", input.challenge);
  const { accountId, webauthn } = challenge;
  if (accountId === null) throw challengeInvalid();
  await context.limits.take("second-factor.account", accountId);
  const { row, issued } = await prepareSession(context, { accountId, client: input.client });
  const { proof } = input;
  const outcome = await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked || passwordBinding(locked.passwordHash) !== challenge.binding) throw challengeInvalid();
    const consumed = await consumeProof(tx, context, locked.account, { proof, webauthn, origin });
    if ("refused" in consumed) return consumed;
    await spendChallenge(tx, challenge);
    await openSession(tx, context, locked, { row, method: `password+${consumed.method}`, origin });
    return { account: locked.account, session: issued };
  });
  if ("refused" in outcome) {
    const details = { reason: outcome.refused };
    context.failures.note({ accountId, type: "second-factor-failed", origin, details });
    throw "passkey" in proof ? invalidPasskey() : invalidCode();
  }
  await context.limits.giveBack("second-factor.account", accountId);
  return outcome;
}

export function invalidPasskey(): AppError {
  return new AppError("invalid_credentials", "This passkey does not sign in here.");
}
