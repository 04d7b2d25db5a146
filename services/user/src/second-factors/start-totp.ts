import type { totpStarted } from "@sotto/contracts/second-factor-api";
import { AppError } from "@sotto/platform/app-error";
import type { z } from "zod";
import { getAccount } from "../accounts/get-account.ts";
import type { UserContext } from "../context.ts";
import { insertPendingTotp } from "./second-factor-queries.ts";
import { describeSecret, TOTP_SECRET_BYTES } from "./totp-code.ts";

/** How long a secret waits for its first code. */
export const TOTP_PENDING_SECONDS = 10 * 60;

/**
 * A new secret for an authenticator app, which counts for nothing before a code confirms it. A repeat makes another
 * one. @throws AppError `already_exists` when one is confirmed.
 */
export async function startTotp(
  context: Pick<UserContext, "db" | "sealer" | "clock" | "randomBytes" | "publicOrigin">,
  accountId: string,
): Promise<z.infer<typeof totpStarted>> {
  const { username } = await getAccount(context, accountId);
  const secret = context.randomBytes(TOTP_SECRET_BYTES);
  const at = context.clock.now();
  const sealedSecret = context.sealer.seal("totp-secret", secret, accountId);
  if (!(await insertPendingTotp(context.db, { accountId, sealedSecret, at }))) throw totpExists();
  const issuer = `Sotto (${new URL(context.publicOrigin).hostname})`;
  const { base32, uri } = describeSecret(secret, { issuer, label: username });
  const expiresAt = new Date(at.getTime() + TOTP_PENDING_SECONDS * 1000);
  return { secret: base32, uri, expiresAt: expiresAt.toISOString() };
}

export function totpExists(): AppError {
  return new AppError("already_exists", "The account has an authenticator app. Remove it first.");
}
