import { createRoute } from "@hono/zod-openapi";
import { updateAccountRequest } from "@sotto/contracts/account-api";
import { account, registerRequest, signedIn } from "@sotto/contracts/user-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { preferredLanguage } from "@sotto/platform/preferred-language";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { answerSession, requireTransport } from "../sessions/answer-session.ts";
import { requireSession } from "../sessions/require-session.ts";
import { getAccount } from "./get-account.ts";
import { registerAccount } from "./register-account.ts";
import { updateAccount } from "./update-account.ts";

const registerRoute = createRoute({
  method: "post",
  path: "/register",
  tags: ["Accounts"],
  summary: "Create an account and sign in",
  request: jsonBody(registerRequest),
  responses: {
    201: jsonContent(signedIn, "The account, and its first session."),
    ...problems(
      "bad_request",
      "forbidden",
      "username_taken",
      "weak_password",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limited",
      "overloaded",
    ),
  },
});

/** Routes of accounts, relative to `/api/user`. */
export function accountRoutes(context: UserContext): App {
  const middleware = requireSession(context);
  const app = createRoutes();

  app.openapi(registerRoute, async (c) => {
    const { tokens: transport, ...input } = c.req.valid("json");
    requireTransport(c, context, transport);
    const language = input.language ?? preferredLanguage(c.req.header("accept-language"));
    const given = { ...input, language };
    const { account, session } = await registerAccount(context, given, originOf(c, input.client));
    return c.json({ account, session: answerSession(c, context, { transport, session }) }, 201);
  });

  const meRoute = createRoute({
    method: "get",
    path: "/me",
    tags: ["Accounts"],
    summary: "The caller's own account",
    security: callerSecurity,
    middleware,
    responses: {
      200: jsonContent(account, "The account."),
      ...problems("unauthenticated", "token_expired", "session_revoked"),
    },
  });
  app.openapi(meRoute, async (c) => c.json(await getAccount(context, c.var.caller.accountId), 200));

  const updateRoute = createRoute({
    method: "patch",
    path: "/me",
    tags: ["Accounts"],
    summary: "Change the name by which the caller is shown, or the language of its mails",
    security: callerSecurity,
    middleware,
    request: jsonBody(updateAccountRequest),
    responses: {
      200: jsonContent(account, "The account as it is now."),
      ...problems(
        "bad_request",
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "forbidden",
        "payload_too_large",
        "unsupported_media_type",
      ),
    },
  });
  app.openapi(updateRoute, async (c) => {
    const { accountId } = c.var.caller;
    return c.json(await updateAccount(context, accountId, c.req.valid("json"), originOf(c)), 200);
  });
  return app;
}
