import { limits } from "@sotto/contracts/limits";
import type { addPasskeyRequest, Passkey } from "@sotto/contracts/second-factor-api";
import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import type { z } from "zod";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import { challengeInvalid, openChallenge } from "../challenges/challenge-token.ts";
import { spendChallenge } from "../challenges/spend-challenge.ts";
import type { UserContext } from "../context.ts";
import { lockOwner } from "../second-factors/lock-owner.ts";
import { countPasskeys, insertPasskey } from "./passkey-queries.ts";
import { tooManyPasskeys } from "./start-passkey.ts";
import { verifyRegistration } from "./verify-registration.ts";

/**
 * Adds the passkey that an authenticator has made for the challenge of `startPasskey`.
 * @throws AppError `challenge_invalid`, `invalid_signature`, `limit_reached`, `already_exists` for a credential that is
 * known already.
 */
export async function addPasskey(
  context: Pick<UserContext, "db" | "sealer" | "ids" | "clock" | "publicOrigin" | "log">,
  accountId: string,
  { challenge: token, name, response }: z.infer<typeof addPasskeyRequest>,
  origin: Origin,
): Promise<Passkey> {
  const challenge = openChallenge(context, "passkey-registration", token);
  if (challenge.accountId !== accountId) throw challengeInvalid();
  const credential = await verifyRegistration(context, { webauthn: challenge.webauthn, response });
  if (!credential) {
    throw new AppError("invalid_signature", "This is no credential for the challenge.");
  }
  const passkeyId = context.ids.uuidv7();
  const createdAt = context.clock.now();
  await context.db.transaction().execute(async (tx) => {
    // Of two at once the second sees what the first has added.
    const owner = await lockOwner(tx, accountId);
    await spendChallenge(tx, challenge);
    if ((await countPasskeys(tx, accountId)) >= limits.passkeysPerAccount) throw tooManyPasskeys();
    await insertPasskey(tx, { ...credential, passkeyId, accountId, name, createdAt });
    await recordAudit(tx, context, {
      accountId,
      type: "passkey-added",
      origin,
      details: { passkeyId, name },
    });
    await appendEvents(tx, context, [ownerNotice(owner, "passkey-added")]);
  });
  return {
    passkeyId,
    name,
    backedUp: credential.backedUp,
    createdAt: createdAt.toISOString(),
    lastUsedAt: null,
  };
}

export function passkeyExists(): AppError {
  return new AppError("already_exists", "This passkey is known already.");
}
