import { type AccessClaims, accessClaims, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { AppError } from "./app-error.ts";
import type { Clock } from "./clock.ts";

/** Who is calling, as the access token says. */
export type Caller = {
  readonly accountId: string;
  readonly sessionId: string;
  readonly expiresAt: Date;
  /** When the session last proved who it is. */
  readonly authenticatedAt: Date;
};

export interface TokenVerifier {
  /** @throws AppError `unauthenticated`, `token_expired`, or `unavailable` when the keys cannot be fetched. */
  verify(token: string): Promise<Caller>;
}

/** Keys of the user service; fetched when first needed, again when an unknown `kid` appears (at most every 5 s). */
export function remoteKeys(jwksUrl: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUrl), {
    cooldownDuration: 5000,
    cacheMaxAge: 600_000,
    timeoutDuration: 3000,
  });
}

/** Verifies access tokens: EdDSA only, issuer, audience, expiry by the injected clock (RFC 7519, RFC 8037, RFC 8725). */
export function createTokenVerifier(deps: { keys: JWTVerifyGetKey; clock: Clock }): TokenVerifier {
  return {
    async verify(token) {
      const claims = await readClaims(token, deps);
      return {
        accountId: claims.sub,
        sessionId: claims.sid,
        expiresAt: new Date(claims.exp * 1000),
        authenticatedAt: new Date(claims.auth_time * 1000),
      };
    },
  };
}

async function readClaims(
  token: string,
  deps: { keys: JWTVerifyGetKey; clock: Clock },
): Promise<AccessClaims> {
  try {
    const { payload } = await jwtVerify(token, deps.keys, {
      algorithms: ["EdDSA"],
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
      currentDate: deps.clock.now(),
    });
    return accessClaims.parse(payload);
  } catch (error) {
    throw toTokenError(error);
  }
}

function toTokenError(error: unknown): AppError {
  // Of the source of the keys itself.
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired) {
    return new AppError("token_expired", "The access token has expired.", { cause: error });
  }
  const keysUnreachable =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error instanceof TypeError ||
    isGenericJoseError(error);
  if (keysUnreachable) {
    return new AppError("unavailable", "The keys that verify access tokens cannot be fetched now.", {
      cause: error,
      retryAfterSeconds: 2,
    });
  }
  return new AppError("unauthenticated", "The access token is not valid.", { cause: error });
}

/** jose throws the bare base class when the key endpoint answers with anything but 200. */
function isGenericJoseError(error: unknown): boolean {
  return error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC";
}
