import { FRESH_SECONDS } from "@sotto/contracts/access-token";
import type { reauthenticateRequest, SecondFactorProof } from "@sotto/contracts/session-api";
import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { z } from "zod";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import { type Challenge, challengeInvalid, openChallenge } from "../challenges/challenge-token.ts";
import { spendChallenge } from "../challenges/spend-challenge.ts";
import type { UserContext } from "../context.ts";
import { consumeProof } from "../second-factors/consume-proof.ts";
import type { IssuedSession } from "./prepare-session.ts";
import {
  findSignInAccount,
  findSignInAccountForUpdate,
  type LockedAccount,
  updateAuthenticatedAt,
} from "./sign-in-queries.ts";

type Deps = Pick<
  UserContext,
  | "db"
  | "pool"
  | "passwords"
  | "accessTokens"
  | "clock"
  | "ids"
  | "log"
  | "limits"
  | "failures"
  | "sealer"
  | "publicOrigin"
>;
type Caller = { readonly accountId: string; readonly sessionId: string };
type Proof = z.infer<typeof reauthenticateRequest>;

/** What must hold in the transaction for the session to count as fresh; answers what did not, or the method. */
type Check = (
  tx: Transaction<AccountDatabase>,
  locked: LockedAccount,
) => Promise<{ method: string } | { refused: string }>;

export type Reauthenticated = {
  readonly session: Omit<IssuedSession, "refreshToken">;
  readonly freshUntil: Date;
};

/**
 * Lets a session prove once more whose it is; its refresh token stays. Where the account has a second factor the
 * password needs one beside it: a code from the app, a recovery code, or instead of both a passkey. Whoever holds a
 * stolen session can guess no faster than the account's limit allows.
 * @throws AppError `invalid_credentials` whichever part was wrong, `challenge_required` when a second factor is missing
 * (before the password is looked at), `challenge_invalid`, `session_revoked`, `rate_limited`, `overloaded`.
 */
export async function reauthenticate(
  context: Deps,
  caller: Caller,
  proof: Proof,
  origin: Origin,
): Promise<Reauthenticated> {
  const { accountId, sessionId } = caller;
  const challenge = "passkey" in proof ? openOwnChallenge(context, caller, proof.challenge) : undefined;
  await context.limits.take("second-factor.account", accountId);
  const check =
    "passkey" in proof
      ? passkeyCheck(context, challenge as Challenge, { passkey: proof.passkey }, origin)
      : await passwordCheck(context, caller, proof, origin);
  const at = context.clock.now();
  const access = await context.accessTokens.sign({ accountId, sessionId, authenticatedAt: at });
  const outcome = await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked) throw sessionEnded();
    const checked = await check(tx, locked);
    if ("refused" in checked) return checked;
    if (!(await updateAuthenticatedAt(tx, { sessionId, accountId, at }))) throw sessionEnded();
    await recordAudit(tx, context, { accountId, type: "reauthenticated", origin, details: checked });
    return checked;
  });
  if ("refused" in outcome) {
    const details = { reason: outcome.refused };
    context.failures.note({ accountId, type: "reauthentication-failed", origin, details });
    throw new AppError("invalid_credentials", "That does not prove that the account is yours.");
  }
  await context.limits.giveBack("second-factor.account", accountId);
  return {
    session: { sessionId, accessToken: access.token, accessTokenExpiresAt: access.expiresAt },
    freshUntil: new Date(at.getTime() + FRESH_SECONDS * 1000),
  };
}

function openOwnChallenge(context: Deps, { accountId, sessionId }: Caller, token: string): Challenge {
  const challenge = openChallenge(context, "reauthentication", token);
  if (challenge.accountId !== accountId || challenge.binding !== sessionId) throw challengeInvalid();
  return challenge;
}

function passkeyCheck(context: Deps, challenge: Challenge, proof: SecondFactorProof, origin: Origin): Check {
  return async (tx, { account }) => {
    const { webauthn } = challenge;
    const consumed = await consumeProof(tx, context, account, { proof, webauthn, origin });
    if (!("refused" in consumed)) await spendChallenge(tx, challenge);
    return consumed;
  };
}

/** The password is verified before the transaction, which then sees whether it is still the same. */
async function passwordCheck(
  context: Deps,
  { accountId }: Caller,
  { password, totp, recoveryCode }: Exclude<Proof, { passkey: unknown }>,
  origin: Origin,
): Promise<Check> {
  const found = await findSignInAccount(context.pool, { accountId });
  if (!found) throw sessionEnded();
  const proof = secondProof(totp, recoveryCode);
  if (!proof && (found.hasTotp || found.hasPasskey)) {
    await context.limits.giveBack("second-factor.account", accountId);
    throw new AppError("challenge_required", "This account has a second factor; the password needs it too.");
  }
  const matches = await context.passwords.verify(found.passwordHash, password);
  return async (tx, locked) => {
    if (!matches || locked.passwordHash !== found.passwordHash) return { refused: "password" };
    if (!proof) return { method: "password" };
    const consumed = await consumeProof(tx, context, locked.account, { proof, webauthn: "", origin });
    return "refused" in consumed ? consumed : { method: `password+${consumed.method}` };
  };
}

function secondProof(
  totp: string | undefined,
  recoveryCode: string | undefined,
): SecondFactorProof | undefined {
  if (totp !== undefined) return { totp };
  return recoveryCode === undefined ? undefined : { recoveryCode };
}

function sessionEnded(): AppError {
  return new AppError("session_revoked", "The session has been ended.");
}
