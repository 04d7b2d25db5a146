import { createRoute } from "@hono/zod-openapi";
import { deletionScheduled } from "@sotto/contracts/account-api";
import type { ErrorCode } from "@sotto/contracts/errors";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { clearSessionCookies } from "../sessions/session-cookies.ts";
import { deactivateAccount } from "./deactivate-account.ts";
import { scheduleDeletion } from "./schedule-deletion.ts";

const refusals: readonly ErrorCode[] = [
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "forbidden",
  "reauthentication_required",
  "payload_too_large",
];

/** Routes that end the life of an account, for a while or for good; relative to `/api/user`. */
export function endingRoutes(context: UserContext): App {
  const middleware = [...requireSession(context), requireFresh(context)];
  const app = createRoutes();

  const deactivateRoute = createRoute({
    method: "post",
    path: "/deactivate",
    tags: ["Accounts"],
    summary: "Hide the caller's account until its next sign-in",
    description: "Ends all sessions. Needs a session that has proved itself within five minutes.",
    security: callerSecurity,
    middleware,
    responses: { 204: { description: "The account is hidden." }, ...problems(...refusals) },
  });
  app.openapi(deactivateRoute, async (c) => {
    await deactivateAccount(context, c.var.caller, { origin: originOf(c) });
    clearSessionCookies(c, context.cookies);
    return c.body(null, 204);
  });

  const deleteRoute = createRoute({
    method: "post",
    path: "/delete",
    tags: ["Accounts"],
    summary: "Delete the caller's account after the grace",
    description:
      "Hides the account and ends all sessions at once. Signing in before `deletesAt` keeps the account; afterwards " +
      "everything of it is deleted. Needs a session that has proved itself within five minutes.",
    security: callerSecurity,
    middleware,
    responses: {
      202: jsonContent(deletionScheduled, "When the account will be deleted."),
      ...problems(...refusals),
    },
  });
  app.openapi(deleteRoute, async (c) => {
    const { deletesAt } = await scheduleDeletion(context, c.var.caller, { origin: originOf(c) });
    clearSessionCookies(c, context.cookies);
    return c.json({ deletesAt: deletesAt.toISOString() }, 202);
  });
  return app;
}
