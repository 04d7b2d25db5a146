import { createRoute } from "@hono/zod-openapi";
import { passkeyChallenge, reauthenticated, reauthenticateRequest } from "@sotto/contracts/session-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requestPasskey } from "../passkeys/request-passkey.ts";
import { answerAccess } from "./answer-session.ts";
import { reauthenticate } from "./reauthenticate.ts";
import { requireSession } from "./require-session.ts";

/** Routes by which a session proves once more whose it is, relative to `/api/user`. */
export function reauthenticateRoutes(context: UserContext): App {
  const app = createRoutes();
  const middleware = requireSession(context);

  const reauthenticateRoute = createRoute({
    method: "post",
    path: "/reauthenticate",
    tags: ["Sessions"],
    summary: "Prove once more who is calling",
    description:
      "The answer travels as the access token of the request did. The refresh token stays as it is.",
    security: callerSecurity,
    middleware,
    request: jsonBody(reauthenticateRequest),
    responses: {
      200: jsonContent(reauthenticated, "The session with a new access token."),
      ...problems(
        "bad_request",
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "invalid_credentials",
        "forbidden",
        "challenge_invalid",
        "payload_too_large",
        "unsupported_media_type",
        "challenge_required",
        "rate_limited",
        "unavailable",
        "overloaded",
      ),
    },
  });
  app.openapi(reauthenticateRoute, async (c) => {
    const { session, freshUntil } = await reauthenticate(
      context,
      c.var.caller,
      c.req.valid("json"),
      originOf(c),
    );
    const body = { session: answerAccess(c, context, session), freshUntil: freshUntil.toISOString() };
    return c.json(body, 200);
  });

  const optionsRoute = createRoute({
    method: "post",
    path: "/reauthenticate/passkey/options",
    tags: ["Sessions"],
    summary: "Ask for a challenge to prove by a passkey who is calling",
    security: callerSecurity,
    middleware,
    responses: {
      200: jsonContent(passkeyChallenge, "For navigator.credentials.get."),
      ...problems("unauthenticated", "token_expired", "session_revoked", "forbidden", "payload_too_large"),
    },
  });
  app.openapi(optionsRoute, async (c) =>
    c.json(await requestPasskey(context, { kind: "reauthentication", ...c.var.caller }), 200),
  );
  return app;
}
