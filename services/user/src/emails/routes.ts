import { createRoute } from "@hono/zod-openapi";
import { changeEmailRequest, verifyEmailRequest } from "@sotto/contracts/account-api";
import { limitKey } from "@sotto/platform/client-address";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity, jsonBody } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { requestEmailChange } from "./request-email-change.ts";
import { requestEmailVerification } from "./request-email-verification.ts";
import { verifyEmail } from "./verify-email.ts";

const verifyRoute = createRoute({
  method: "post",
  path: "/email/verify",
  tags: ["Email"],
  summary: "Prove an address by the token of a link",
  description: "Verifies the address of a new account, or completes the change to a new address.",
  request: jsonBody(verifyEmailRequest),
  responses: {
    204: { description: "The address is verified." },
    ...problems(
      "bad_request",
      "challenge_invalid",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
      "unavailable",
    ),
  },
});

/** Routes of e-mail addresses, relative to `/api/user`. */
export function emailRoutes(context: UserContext): App {
  const app = createRoutes();

  const verificationRoute = createRoute({
    method: "post",
    path: "/email/verification",
    tags: ["Email"],
    summary: "Mail a new link that verifies the caller's address",
    security: callerSecurity,
    middleware: requireSession(context),
    responses: {
      202: { description: "A mail is on its way, if the address is not verified." },
      ...problems(
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "forbidden",
        "payload_too_large",
        "rate_limited",
        "unavailable",
      ),
    },
  });
  app.openapi(verificationRoute, async (c) => {
    await requestEmailVerification(context, c.var.caller.accountId);
    return c.body(null, 202);
  });

  app.openapi(verifyRoute, async (c) => {
    await context.limits.take("mail-token.address", limitKey(c.var.address));
    await verifyEmail(context, { token: c.req.valid("json").token, origin: originOf(c) });
    return c.body(null, 204);
  });

  const changeRoute = createRoute({
    method: "post",
    path: "/email/change",
    tags: ["Email"],
    summary: "Mail a link to a new address, which becomes the account's when the link is used",
    security: callerSecurity,
    middleware: [...requireSession(context), requireFresh(context)],
    request: jsonBody(changeEmailRequest),
    responses: {
      202: { description: "A mail is on its way to the new address, and a notice to the present one." },
      ...problems(
        "bad_request",
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "forbidden",
        "reauthentication_required",
        "payload_too_large",
        "unsupported_media_type",
        "rate_limited",
        "unavailable",
      ),
    },
  });
  app.openapi(changeRoute, async (c) => {
    await context.limits.take("mail.address", limitKey(c.var.address));
    const { email } = c.req.valid("json");
    await requestEmailChange(context, c.var.caller, { email, origin: originOf(c) });
    return c.body(null, 202);
  });
  return app;
}
