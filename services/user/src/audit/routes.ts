import { createRoute } from "@hono/zod-openapi";
import { auditPage, auditQuery } from "@sotto/contracts/audit-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { listOwnAudit } from "./list-own-audit.ts";

/** The audit log of the caller's account, relative to `/api/user`. */
export function auditRoutes(context: UserContext): App {
  const app = createRoutes();
  const auditRoute = createRoute({
    method: "get",
    path: "/audit",
    tags: ["Audit"],
    summary: "Security events of the caller's account, newest first",
    security: callerSecurity,
    middleware: requireSession(context),
    request: { query: auditQuery },
    responses: {
      200: jsonContent(auditPage, "A page; `next` is the `after` of the one that follows."),
      ...problems("bad_request", "unauthenticated", "token_expired", "session_revoked"),
    },
  });
  app.openapi(auditRoute, async (c) => {
    const { after, limit } = c.req.valid("query");
    return c.json(await listOwnAudit(context, c.var.caller.accountId, { after, limit }), 200);
  });
  return app;
}
