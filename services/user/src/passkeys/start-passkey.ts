import { limits } from "@sotto/contracts/limits";
import type { passkeyCreation } from "@sotto/contracts/second-factor-api";
import { AppError } from "@sotto/platform/app-error";
import type { z } from "zod";
import { getAccount } from "../accounts/get-account.ts";
import { makeChallenge } from "../challenges/challenge-token.ts";
import type { UserContext } from "../context.ts";
import { listCredentials } from "./passkey-queries.ts";
import { creationOptions } from "./relying-party.ts";

/**
 * The challenge and the options for a new passkey of the account.
 * @throws AppError `limit_reached`, `session_revoked` when the account is gone.
 */
export async function startPasskey(
  context: Pick<UserContext, "db" | "sealer" | "ids" | "clock" | "randomBytes" | "publicOrigin">,
  accountId: string,
): Promise<z.infer<typeof passkeyCreation>> {
  const owner = await getAccount(context, accountId);
  const existing = await listCredentials(context.db, accountId);
  if (existing.length >= limits.passkeysPerAccount) throw tooManyPasskeys();
  const { token, webauthn, expiresAt } = makeChallenge(context, "passkey-registration", {
    accountId,
    binding: null,
  });
  const options = await creationOptions({ ...context, webauthn }, owner, existing);
  return { challenge: token, options: { ...options }, expiresAt: expiresAt.toISOString() };
}

export function tooManyPasskeys(): AppError {
  return new AppError("limit_reached", "The account has as many passkeys as there may be. Remove one first.");
}
