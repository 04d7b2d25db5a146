import { createRoute, z } from "@hono/zod-openapi";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { exportAccount } from "./export-account.ts";

const path = "/export";

const read = createRoute({
  method: "get",
  path,
  tags: ["account"],
  security: callerSecurity,
  summary: "What this service holds about the caller; needs a session that has just proved who it is",
  responses: {
    200: {
      description: "A ZIP archive of JSON files",
      content: { "application/zip": { schema: z.string().meta({ format: "binary" }) } },
    },
    ...problems(...callerProblems, "reauthentication_required", "unavailable"),
  },
});

/** The caller's data; paths are relative to `/api/chat`. */
export function accountRoutes(context: ChatContext): App {
  const app = createRoutes();
  app.use(path, admitCaller(context));
  app.openapi({ ...read, middleware: requireFresh(context) }, async (c) => {
    const archive = await exportAccount(context, c.var.caller);
    c.header("Content-Type", "application/zip");
    c.header("Content-Disposition", 'attachment; filename="sotto-chat.zip"');
    c.header("Cache-Control", "no-store");
    return c.body(archive, 200);
  });
  return app;
}
