import { createRoute } from "@hono/zod-openapi";
import {
  changePasswordRequest,
  forgotPasswordRequest,
  resetPasswordRequest,
} from "@sotto/contracts/account-api";
import { limitKey } from "@sotto/platform/client-address";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { changePassword } from "./change-password.ts";
import { requestPasswordReset } from "./request-password-reset.ts";
import { resetPassword } from "./reset-password.ts";

const forgotRoute = createRoute({
  method: "post",
  path: "/password/forgot",
  tags: ["Passwords"],
  summary: "Mail a link that resets the password to accounts with this address",
  description: "Only accounts that have verified the address get one. The answer is the same in every case.",
  request: jsonBody(forgotPasswordRequest),
  responses: {
    202: { description: "Mails are on their way, if there is such an account." },
    ...problems(
      "bad_request",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
      "unavailable",
      "overloaded",
    ),
  },
});

const resetRoute = createRoute({
  method: "post",
  path: "/password/reset",
  tags: ["Passwords"],
  summary: "Choose a new password by the token of a link",
  description:
    "Ends every session of the account. Second factors stay. A refused password leaves the link good.",
  request: jsonBody(resetPasswordRequest),
  responses: {
    204: { description: "The password is the new one; sign in with it." },
    ...problems(
      "bad_request",
      "challenge_invalid",
      "weak_password",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
      "unavailable",
      "overloaded",
    ),
  },
});

/** Routes of passwords, relative to `/api/user`. */
export function passwordRoutes(context: UserContext): App {
  const app = createRoutes();

  const changeRoute = createRoute({
    method: "post",
    path: "/password/change",
    tags: ["Passwords"],
    summary: "Change the caller's password",
    description: "Ends every other session of the account.",
    security: callerSecurity,
    middleware: requireSession(context),
    request: jsonBody(changePasswordRequest),
    responses: {
      204: { description: "The password is the new one." },
      ...problems(
        "bad_request",
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "invalid_credentials",
        "forbidden",
        "weak_password",
        "payload_too_large",
        "unsupported_media_type",
        "rate_limited",
        "unavailable",
        "overloaded",
      ),
    },
  });
  app.openapi(changeRoute, async (c) => {
    await changePassword(context, c.var.caller, { ...c.req.valid("json"), origin: originOf(c) });
    return c.body(null, 204);
  });

  app.openapi(forgotRoute, async (c) => {
    await context.limits.take("mail.address", limitKey(c.var.address));
    await requestPasswordReset(context, { email: c.req.valid("json").email, origin: originOf(c) });
    return c.body(null, 202);
  });

  app.openapi(resetRoute, async (c) => {
    await context.limits.take("mail-token.address", limitKey(c.var.address));
    await resetPassword(context, { ...c.req.valid("json"), origin: originOf(c) });
    return c.body(null, 204);
  });
  return app;
}
