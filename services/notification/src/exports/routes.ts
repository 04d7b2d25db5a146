import { createRoute } from "@hono/zod-openapi";
import { type App, createRoutes, problems, requireCaller, requireFresh } from "@sotto/platform/http";
import { callerSecurity } from "@sotto/platform/route-parts";
import { z } from "zod";
import type { NotificationContext } from "../context.ts";
import { exportMails } from "./export-mails.ts";

/** Routes of what people may take with them, relative to `/api/notifications`. */
export function exportRoutes(context: NotificationContext): App {
  const app = createRoutes();
  const exportRoute = createRoute({
    method: "get",
    path: "/export",
    tags: ["Mails"],
    summary: "Mails, preferences, push subscriptions, and what waits for the caller, as a ZIP file",
    description: "Needs a session that has proved itself within five minutes.",
    security: callerSecurity,
    middleware: [requireCaller(context), requireFresh(context)],
    responses: {
      200: {
        description:
          "mails.json, push-subscriptions.json, preferences.json, waiting.json, and README.txt, which explains them.",
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
  app.openapi(exportRoute, async (c) =>
    c.body(await exportMails(context, c.var.caller.accountId), 200, {
      "Content-Type": "application/zip",
      "Content-Disposition": 'attachment; filename="sotto-mails.zip"',
    }),
  );
  return app;
}
