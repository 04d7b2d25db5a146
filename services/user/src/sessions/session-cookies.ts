import { ACCESS_COOKIE, ACCESS_TOKEN_SECONDS, REFRESH_COOKIE } from "@sotto/contracts/access-token";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { IssuedSession } from "./prepare-session.ts";
import { SESSION_UNUSED_SECONDS } from "./session-age.ts";

/**
 * Cookies of a browser's session. Over https they carry the prefix `__Host-` (RFC 6265bis section 4.1.3.2), so that
 * no other host of the domain can set them; plain http is for development on localhost.
 */
export type CookiePolicy = { readonly secure: boolean };

function attributes({ secure }: CookiePolicy) {
  return {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    // The prefix makes the cookie Secure.
    ...(secure && { prefix: "host" as const }),
  } as const;
}

/** Puts both tokens into cookies that no script can read. */
export function setSessionCookies(c: Context, policy: CookiePolicy, session: IssuedSession): void {
  setAccessCookie(c, policy, session.accessToken);
  setCookie(c, REFRESH_COOKIE, session.refreshToken, {
    ...attributes(policy),
    maxAge: SESSION_UNUSED_SECONDS,
  });
}

export function setAccessCookie(c: Context, policy: CookiePolicy, accessToken: string): void {
  setCookie(c, ACCESS_COOKIE, accessToken, { ...attributes(policy), maxAge: ACCESS_TOKEN_SECONDS });
}

export function clearSessionCookies(c: Context, policy: CookiePolicy): void {
  for (const name of [ACCESS_COOKIE, REFRESH_COOKIE]) deleteCookie(c, name, attributes(policy));
}

/** The refresh token of a browser, when it sent one. */
export function refreshTokenCookie(c: Context, { secure }: CookiePolicy): string | undefined {
  return secure ? getCookie(c, REFRESH_COOKIE, "host") : getCookie(c, REFRESH_COOKIE);
}
