import { ACCESS_TOKEN_SECONDS, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import type { Clock } from "@sotto/platform/clock";
import { createTokenVerifier, type TokenVerifier } from "@sotto/platform/token-verifier";
import { createLocalJWKSet, importJWK, SignJWT } from "jose";
import type { PublicKey, SigningKey } from "../config.ts";

export type TokenHolder = {
  readonly accountId: string;
  readonly sessionId: string;
  /** When the session last proved who it is. */
  readonly authenticatedAt: Date;
};

export type AccessTokens = {
  /** A JWT for the session, and when it expires. */
  sign(holder: TokenHolder): Promise<{ token: string; expiresAt: Date }>;
  verifier: TokenVerifier;
  /** Public halves of the signing key and of its predecessors (RFC 7517). */
  jwks: { keys: (PublicKey & { alg: "EdDSA"; use: "sig" })[] };
};

/** Signs and verifies access tokens: JWT, EdDSA over Ed25519 (RFC 7519, RFC 8037). */
export async function createAccessTokens(deps: {
  signingKey: SigningKey;
  previousKeys: readonly PublicKey[];
  clock: Clock;
}): Promise<AccessTokens> {
  const { signingKey, previousKeys, clock } = deps;
  const key = await importJWK(signingKey, "EdDSA");
  const jwks = { keys: [signingKey, ...previousKeys].map(publicHalf) };
  return {
    jwks,
    verifier: createTokenVerifier({ keys: createLocalJWKSet(jwks), clock }),
    async sign({ accountId, sessionId, authenticatedAt }) {
      const issuedAt = Math.floor(clock.now().getTime() / 1000);
      const expires = issuedAt + ACCESS_TOKEN_SECONDS;
      const token = await new SignJWT({
        sid: sessionId,
        auth_time: Math.floor(authenticatedAt.getTime() / 1000),
      })
        .setProtectedHeader({ alg: "EdDSA", kid: signingKey.kid, typ: "JWT" })
        .setIssuer(TOKEN_ISSUER)
        .setAudience(TOKEN_AUDIENCE)
        .setSubject(accountId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expires)
        .sign(key);
      return { token, expiresAt: new Date(expires * 1000) };
    },
  };
}

/** Named members only, so that no private part can slip into what is published. */
function publicHalf({ kty, crv, x, kid }: PublicKey) {
  return { kty, crv, x, kid, alg: "EdDSA" as const, use: "sig" as const };
}
