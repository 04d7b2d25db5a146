import { createRoute } from "@hono/zod-openapi";
import { refreshed, refreshRequest } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import type { Context } from "hono";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { answerSession, requireTransport, type TokenTransport } from "./answer-session.ts";
import { refreshSession } from "./refresh-session.ts";
import { requireSession } from "./require-session.ts";
import { clearSessionCookies, refreshTokenCookie } from "./session-cookies.ts";
import { signOut } from "./sign-out.ts";

const refreshRoute = createRoute({
  method: "post",
  path: "/refresh",
  tags: ["Sessions"],
  summary: "Trade a refresh token for new tokens",
  description:
    "The token is in the body, or, with an empty object as the body, in the cookie. It may be used again as long as " +
    "none of the tokens that it was traded for has been used. Any later use ends the session.",
  request: jsonBody(refreshRequest),
  responses: {
    200: jsonContent(refreshed, "The session with new tokens."),
    ...problems(
      "bad_request",
      "unauthenticated",
      "token_expired",
      "session_revoked",
      "forbidden",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
    ),
  },
});

/** Routes of sessions, relative to `/api/user`. */
export function sessionRoutes(context: UserContext): App {
  const app = createRoutes();

  app.openapi(refreshRoute, async (c) => {
    const { token, transport } = presentedRefreshToken(c, context, c.req.valid("json").refreshToken);
    requireTransport(c, context, transport);
    const session = await refreshSession(context, token, originOf(c));
    return c.json({ session: answerSession(c, context, { transport, session }) }, 200);
  });

  const signOutRoute = createRoute({
    method: "post",
    path: "/sign-out",
    tags: ["Sessions"],
    summary: "End the caller's session",
    security: callerSecurity,
    middleware: requireSession(context),
    responses: {
      204: { description: "The session has ended; its tokens are refused." },
      ...problems("unauthenticated", "token_expired", "session_revoked", "forbidden", "payload_too_large"),
    },
  });
  app.openapi(signOutRoute, async (c) => {
    const { accountId, sessionId } = c.var.caller;
    await signOut(context, { accountId, sessionId, origin: originOf(c) });
    clearSessionCookies(c, context.cookies);
    return c.body(null, 204);
  });
  return app;
}

/** A token in the body wins over the cookie; the answer travels as the token did. */
function presentedRefreshToken(
  c: Context,
  context: UserContext,
  fromBody: string | undefined,
): { token: string; transport: TokenTransport } {
  if (fromBody !== undefined) return { token: fromBody, transport: "bearer" };
  const fromCookie = refreshTokenCookie(c, context.cookies);
  if (fromCookie !== undefined) return { token: fromCookie, transport: "cookie" };
  throw new AppError("unauthenticated", "This needs a refresh token.");
}
