import { createHash } from "node:crypto";
import type { SecondFactorMethod, SecondFactorRequired } from "@sotto/contracts/session-api";
import { makeChallenge } from "../challenges/challenge-token.ts";
import type { UserContext } from "../context.ts";
import { listCredentials } from "../passkeys/passkey-queries.ts";
import { requestOptions } from "../passkeys/relying-party.ts";
import type { SignInAccount } from "../sessions/sign-in-queries.ts";

/** The answer to a right password where that is not enough: a challenge, and what answers it. */
export async function requireSecondFactor(
  context: Pick<UserContext, "db" | "sealer" | "ids" | "clock" | "randomBytes" | "publicOrigin">,
  { account: { accountId }, passwordHash, hasTotp, hasPasskey, hasRecoveryCode }: SignInAccount,
): Promise<SecondFactorRequired> {
  const { token, webauthn, expiresAt } = makeChallenge(context, "second-factor", {
    accountId,
    binding: passwordBinding(passwordHash),
  });
  const methods: SecondFactorMethod[] = [];
  if (hasTotp) methods.push("totp");
  if (hasPasskey) methods.push("passkey");
  if (hasRecoveryCode) methods.push("recovery_code");
  const passkey =
    hasPasskey &&
    (await requestOptions({ ...context, webauthn }, await listCredentials(context.db, accountId)));
  return {
    challenge: token,
    methods,
    ...(passkey && { passkey: { ...passkey } }),
    expiresAt: expiresAt.toISOString(),
  };
}

/** Ties a challenge to the password that was proved: a change of it between the two factors ends the sign-in. */
export function passwordBinding(passwordHash: string): string {
  return createHash("sha256").update(passwordHash).digest("base64url");
}
