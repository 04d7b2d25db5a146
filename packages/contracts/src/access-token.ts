import { z } from "zod";
import { accountId, sessionId } from "./ids.ts";

/** `iss` of every access token. */
export const TOKEN_ISSUER = "sotto";
/** `aud` of an access token: the services of one installation. */
export const TOKEN_AUDIENCE = "sotto-api";
export const ACCESS_TOKEN_SECONDS = 600;
/** How long after proving itself a session may do what is dangerous: `auth_time` must not be older. */
export const FRESH_SECONDS = 300;
/** Cookies of browser clients; both httpOnly. */
export const ACCESS_COOKIE = "sotto_access";
export const REFRESH_COOKIE = "sotto_refresh";

/** Claims of an access token (RFC 9068 in spirit): JWT, EdDSA over Ed25519, `kid` in the header, keys by JWKS. */
export const accessClaims = z.object({
  iss: z.literal(TOKEN_ISSUER),
  aud: z.literal(TOKEN_AUDIENCE),
  sub: accountId,
  sid: sessionId,
  /** When the session last proved who it is: by signing in, or by authenticating again (OpenID Connect Core section 2). */
  auth_time: z.int(),
  iat: z.int(),
  exp: z.int(),
});
export type AccessClaims = z.infer<typeof accessClaims>;
