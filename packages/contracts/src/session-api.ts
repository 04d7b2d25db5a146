import { z } from "zod";
import { sessionId } from "./ids.ts";
import { limits } from "./limits.ts";
import { authenticationResponse, passkeyRequestOptions, totpCode } from "./second-factor-api.ts";
import { clientName, session, tokenTransport } from "./user-api.ts";

/** Opaque, sealed by the server, good for one use within minutes. */
export const challengeToken = z.string().min(20).max(4096);

export const secondFactorMethod = z.enum(["totp", "passkey", "recovery_code"]);
export type SecondFactorMethod = z.infer<typeof secondFactorMethod>;

/** The answer to a right password where the account has a second factor; `passkey` is there when that is a method. */
export const secondFactorRequired = z
  .object({
    challenge: challengeToken,
    methods: z.array(secondFactorMethod).min(1),
    passkey: passkeyRequestOptions.optional(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "SecondFactorRequired" });
export type SecondFactorRequired = z.infer<typeof secondFactorRequired>;

/** Ten characters as they were shown; case, blanks and hyphens do not matter. */
export const recoveryCode = z.string().min(10).max(32);

/** Exactly one of the three proofs. */
export const secondFactorProof = z.union([
  z.strictObject({ totp: totpCode }),
  z.strictObject({ recoveryCode }),
  z.strictObject({ passkey: authenticationResponse }),
]);
export type SecondFactorProof = z.infer<typeof secondFactorProof>;

export const secondFactorSignInRequest = z.strictObject({
  challenge: challengeToken,
  proof: secondFactorProof,
  client: clientName.optional(),
  tokens: tokenTransport,
});

/** A passkey that verifies its user is both factors at once: no name and no password are asked for. */
export const passkeyChallenge = z
  .object({ challenge: challengeToken, options: passkeyRequestOptions, expiresAt: z.iso.datetime() })
  .meta({ id: "PasskeyChallenge" });
export const passkeySignInRequest = z.strictObject({
  challenge: challengeToken,
  response: authenticationResponse,
  client: clientName.optional(),
  tokens: tokenTransport,
});

/** The caller proves once more who it is: by the password, with a second factor where the account has one, or by a passkey. */
export const reauthenticateRequest = z.union([
  z.strictObject({
    password: z.string().min(1).max(limits.passwordMax),
    totp: totpCode.optional(),
    recoveryCode: recoveryCode.optional(),
  }),
  z.strictObject({ challenge: challengeToken, passkey: authenticationResponse }),
]);
/** The same session with an access token whose `auth_time` is now; the refresh token stays as it is. */
export const reauthenticated = z
  .object({ session: session.omit({ refreshToken: true }), freshUntil: z.iso.datetime() })
  .meta({ id: "Reauthenticated" });

/** One sign-in, as its owner sees it. */
export const sessionEntry = z
  .object({
    sessionId,
    client: clientName.nullable(),
    createdAt: z.iso.datetime(),
    /** When its tokens were last renewed. */
    lastSeenAt: z.iso.datetime(),
    current: z.boolean(),
  })
  .meta({ id: "SessionEntry" });
export type SessionEntry = z.infer<typeof sessionEntry>;
export const sessionList = z.object({ sessions: z.array(sessionEntry) }).meta({ id: "SessionList" });
export const sessionsRevoked = z.object({ revoked: z.int().min(0) }).meta({ id: "SessionsRevoked" });
