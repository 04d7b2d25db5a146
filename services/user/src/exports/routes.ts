import { createRoute } from "@hono/zod-openapi";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity } from "@sotto/platform/route-parts";
import { z } from "zod";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { exportAccount } from "./export-account.ts";

/** Routes of what people may take with them, relative to `/api/user`. */
export function exportRoutes(context: UserContext): App {
  const app = createRoutes();
  const exportRoute = createRoute({
    method: "get",
    path: "/export",
    tags: ["Accounts"],
    summary: "Everything that this service knows of the caller, as a ZIP file",
    description: "Needs a session that has proved itself within five minutes.",
    security: callerSecurity,
    middleware: [...requireSession(context), requireFresh(context)],
    responses: {
      200: {
        description:
          "account.json, sessions.json, passkeys.json, audit.json, and README.txt, which explains them.",
        content: { "application/zip": { schema: z.string().meta({ format: "binary" }) } },
      },
      ...problems(
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "reauthentication_required",
        "rate_limited",
        "unavailable",
      ),
    },
  });
  app.openapi(exportRoute, async (c) => {
    const archive = await exportAccount(context, { accountId: c.var.caller.accountId, origin: originOf(c) });
    return c.body(archive, 200, {
      "Content-Type": "application/zip",
      "Content-Disposition": 'attachment; filename="sotto-account.zip"',
    });
  });
  return app;
}
