import { createRoute } from "@hono/zod-openapi";
import { sessionId } from "@sotto/contracts/ids";
import { sessionList, sessionsRevoked } from "@sotto/contracts/session-api";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import { z } from "zod";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { endOtherSessions } from "./end-other-sessions.ts";
import { endSession } from "./end-session.ts";
import { listSessions } from "./list-sessions.ts";
import { requireSession } from "./require-session.ts";
import { clearSessionCookies } from "./session-cookies.ts";

const tags = ["Sessions"];
const security = callerSecurity;
/** What every route behind a session can answer. */
const usual = ["unauthenticated", "token_expired", "session_revoked"] as const;

/** Routes by which people see and end their own sessions, relative to `/api/user`. */
export function ownSessionRoutes(context: UserContext): App {
  const middleware = requireSession(context);
  const app = createRoutes();

  const listRoute = createRoute({
    ...{ method: "get", path: "/sessions", tags, security, middleware },
    summary: "The caller's sessions that can still be used, the ones used last first",
    responses: { 200: jsonContent(sessionList, "At most 200 of them."), ...problems(...usual) },
  });
  app.openapi(listRoute, async (c) => c.json({ sessions: await listSessions(context, c.var.caller) }, 200));

  const endRoute = createRoute({
    ...{ method: "delete", path: "/sessions/{sessionId}", tags, security, middleware },
    summary: "End one of the caller's sessions",
    request: { params: z.strictObject({ sessionId }) },
    responses: {
      204: { description: "The session has ended, now or before; its sockets close within seconds." },
      ...problems("bad_request", ...usual, "forbidden", "not_found", "payload_too_large"),
    },
  });
  app.openapi(endRoute, async (c) => {
    const { caller } = c.var;
    const { sessionId } = c.req.valid("param");
    await endSession(context, { accountId: caller.accountId, sessionId, origin: originOf(c) });
    if (sessionId === caller.sessionId) clearSessionCookies(c, context.cookies);
    return c.body(null, 204);
  });

  const endOthersRoute = createRoute({
    ...{ method: "post", path: "/sessions/revoke-others", tags, security },
    middleware: [...middleware, requireFresh(context)],
    summary: "End all sessions of the caller but this one",
    responses: {
      200: jsonContent(sessionsRevoked, "How many have ended."),
      ...problems(...usual, "forbidden", "reauthentication_required", "payload_too_large"),
    },
  });
  app.openapi(endOthersRoute, async (c) => {
    const { accountId, sessionId } = c.var.caller;
    const revoked = await endOtherSessions(context, { accountId, sessionId, origin: originOf(c) });
    return c.json({ revoked }, 200);
  });
  return app;
}
