import { AppError } from "@sotto/platform/app-error";
import { z } from "zod";
import type { UserContext } from "../context.ts";

/** What a challenge was given out for; it is good for nothing else. */
export type ChallengeKind = "second-factor" | "passkey-sign-in" | "passkey-registration" | "reauthentication";

const content = z.object({
  id: z.string(),
  accountId: z.string().nullable(),
  binding: z.string().nullable(),
  webauthn: z.string(),
  expiresAtMs: z.int(),
});

export type Challenge = {
  /** Spent once, by `spendChallenge`. */
  readonly id: string;
  /** Null when nobody is known yet. */
  readonly accountId: string | null;
  /** What must still be the same when it is redeemed, such as the password. */
  readonly binding: string | null;
  /** What an authenticator signs: 32 random bytes as base64url (Web Authentication Level 3 section 13.4.3). */
  readonly webauthn: string;
  readonly expiresAt: Date;
};

const CHALLENGE_SECONDS = 5 * 60;
const WEBAUTHN_BYTES = 32;

/** A challenge, and the sealed text that the client brings it back as. Nothing is stored before it is redeemed. */
export function makeChallenge(
  { sealer, ids, clock, randomBytes }: Pick<UserContext, "sealer" | "ids" | "clock" | "randomBytes">,
  kind: ChallengeKind,
  bound: { accountId: string | null; binding: string | null },
): Challenge & { readonly token: string } {
  const challenge = {
    ...bound,
    id: ids.uuidv7(),
    webauthn: randomBytes(WEBAUTHN_BYTES).toString("base64url"),
  };
  const expiresAt = new Date(clock.now().getTime() + CHALLENGE_SECONDS * 1000);
  const text = JSON.stringify({ ...challenge, expiresAtMs: expiresAt.getTime() });
  return {
    ...challenge,
    expiresAt,
    token: sealer.seal("challenge", Buffer.from(text), kind).toString("base64url"),
  };
}

/** @throws AppError `challenge_invalid` for what is no challenge of this kind, or has expired. */
export function openChallenge(
  { sealer, clock }: Pick<UserContext, "sealer" | "clock">,
  kind: ChallengeKind,
  token: string,
): Challenge {
  const opened = sealer.open("challenge", Buffer.from(token, "base64url"), kind);
  if (!opened) throw challengeInvalid();
  const { expiresAtMs, ...challenge } = content.parse(JSON.parse(opened.toString()));
  const expiresAt = new Date(expiresAtMs);
  if (expiresAt <= clock.now()) throw challengeInvalid();
  return { ...challenge, expiresAt };
}

export function challengeInvalid(): AppError {
  return new AppError("challenge_invalid", "This challenge has expired or was used. Ask for a new one.");
}
