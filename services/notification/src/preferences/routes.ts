import { createRoute } from "@hono/zod-openapi";
import {
  notificationPreferences,
  updateNotificationPreferencesRequest,
} from "@sotto/contracts/preferences-api";
import { type App, createRoutes, problems, requireCaller } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import type { NotificationContext } from "../context.ts";
import { showPreferences } from "./show-preferences.ts";
import { updatePreferences } from "./update-preferences.ts";

const tags = ["Preferences"];
const path = "/preferences";
const usual = ["unauthenticated", "token_expired", "session_revoked", "rate_limited", "unavailable"] as const;

/** What an account wants to be told, and when; relative to `/api/notifications`. */
export function preferenceRoutes(context: NotificationContext): App {
  const app = createRoutes();
  const show = createRoute({
    method: "get",
    path,
    tags,
    summary: "What the caller wants to be told, and when",
    security: callerSecurity,
    middleware: [requireCaller(context)],
    responses: { 200: jsonContent(notificationPreferences, "All preferences"), ...problems(...usual) },
  });
  const update = createRoute({
    method: "patch",
    path,
    tags,
    summary: "Change some of it",
    security: callerSecurity,
    middleware: [requireCaller(context)],
    request: jsonBody(updateNotificationPreferencesRequest),
    responses: {
      200: jsonContent(notificationPreferences, "All preferences"),
      ...problems(...usual, "bad_request", "payload_too_large"),
    },
  });
  app.openapi(show, async (c) => c.json(await showPreferences(context, c.var.caller), 200));
  app.openapi(update, async (c) =>
    c.json(await updatePreferences(context, c.var.caller, c.req.valid("json")), 200),
  );
  return app;
}
