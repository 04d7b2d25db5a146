import type { Session } from "@sotto/contracts/user-api";
import { requireSameOrigin } from "@sotto/platform/same-origin";
import type { Context } from "hono";
import type { UserContext } from "../context.ts";
import type { IssuedSession } from "./prepare-session.ts";
import { setAccessCookie, setSessionCookies } from "./session-cookies.ts";

export type TokenTransport = "bearer" | "cookie";

/**
 * Refuses to set cookies for another site: it could sign a browser in to an account of its own.
 * Call it before the work. @throws AppError `forbidden`.
 */
export function requireTransport(c: Context, context: UserContext, transport: TokenTransport): void {
  if (transport === "cookie") requireSameOrigin(c.req.header(), context.publicOrigin);
}

/** The session for the body of the answer: with its tokens, or without them and with cookies set instead. */
export function answerSession(
  c: Context,
  context: UserContext,
  { transport, session }: { transport: TokenTransport; session: IssuedSession },
): Session {
  const { sessionId, accessToken, refreshToken } = session;
  const accessTokenExpiresAt = session.accessTokenExpiresAt.toISOString();
  if (transport === "bearer") return { sessionId, accessToken, accessTokenExpiresAt, refreshToken };
  setSessionCookies(c, context.cookies, session);
  return { sessionId, accessTokenExpiresAt };
}

/** How the caller sent its access token, and so how it gets a new one. */
export function transportOf(c: Context): TokenTransport {
  return c.req.header("Authorization") === undefined ? "cookie" : "bearer";
}

/** A session whose access token alone is new; see `answerSession`. */
export function answerAccess(
  c: Context,
  context: UserContext,
  session: Omit<IssuedSession, "refreshToken">,
): Omit<Session, "refreshToken"> {
  const { sessionId, accessToken } = session;
  const accessTokenExpiresAt = session.accessTokenExpiresAt.toISOString();
  if (transportOf(c) === "bearer") return { sessionId, accessToken, accessTokenExpiresAt };
  setAccessCookie(c, context.cookies, accessToken);
  return { sessionId, accessTokenExpiresAt };
}
