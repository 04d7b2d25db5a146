import { ACCESS_TOKEN_SECONDS, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import type { Clock } from "@sotto/platform/clock";
import { createTokenVerifier, type TokenVerifier } from "@sotto/platform/token-verifier";
import { errors, SignJWT } from "jose";
import type { SigningKeys } from "./signing-keys.ts";

export type TokenHolder = {
  readonly accountId: string;
  readonly sessionId: string;
  /** When the session last proved who it is. */
  readonly authenticatedAt: Date;
};

export type AccessTokens = {
  /** A JWT for the session, and when it expires. @throws AppError `unavailable` when there is no key to sign with. */
  sign(holder: TokenHolder): Promise<{ token: string; expiresAt: Date }>;
  verifier: TokenVerifier;
};

/** Signs and verifies access tokens: JWT, EdDSA over Ed25519 (RFC 7519, RFC 8037). */
export function createAccessTokens({
  signingKeys,
  clock,
}: {
  signingKeys: Pick<SigningKeys, "signer" | "find">;
  clock: Clock;
}): AccessTokens {
  return {
    verifier: createTokenVerifier({
      keys: async ({ kid }) => {
        const key = kid === undefined ? undefined : await signingKeys.find(kid);
        if (!key) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      clock,
    }),
    async sign({ accountId, sessionId, authenticatedAt }) {
      const { kid, privateKey } = await signingKeys.signer();
      const issuedAt = Math.floor(clock.now().getTime() / 1000);
      const expires = issuedAt + ACCESS_TOKEN_SECONDS;
      const token = await new SignJWT({
        sid: sessionId,
        auth_time: Math.floor(authenticatedAt.getTime() / 1000),
      })
        .setProtectedHeader({ alg: "EdDSA", kid, typ: "JWT" })
        .setIssuer(TOKEN_ISSUER)
        .setAudience(TOKEN_AUDIENCE)
        .setSubject(accountId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expires)
        .sign(privateKey);
      return { token, expiresAt: new Date(expires * 1000) };
    },
  };
}
