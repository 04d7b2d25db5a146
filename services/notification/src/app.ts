import { checkDatabase } from "@sotto/platform/db";
import { addHealth } from "@sotto/platform/health";
import { type App, addOpenApi, createApp } from "@sotto/platform/http";
import { bounceRoutes } from "./bounces/routes.ts";
import type { NotificationContext } from "./context.ts";
import { exportRoutes } from "./exports/routes.ts";
import { inAppRoutes } from "./in-app/routes.ts";
import { preferenceRoutes } from "./preferences/routes.ts";
import { pushRoutes } from "./push/routes.ts";
import { unsubscribeRoutes } from "./unsubscribe/routes.ts";

const BASE_PATH = "/api/notifications";

/** The REST side of the notification service. A mail server or a push service that is away makes
 * mail or pushes wait, not the service unready. */
export function createNotificationApp(context: NotificationContext): App {
  const app = createApp({ log: context.log, edge: context.edge });
  app.route(BASE_PATH, exportRoutes(context));
  app.route(BASE_PATH, pushRoutes(context));
  app.route(BASE_PATH, unsubscribeRoutes(context));
  app.route(BASE_PATH, inAppRoutes(context));
  app.route(BASE_PATH, preferenceRoutes(context));
  app.route("/", bounceRoutes(context));
  addHealth(app, {
    checks: { database: () => checkDatabase(context.pool), broker: () => context.bus.check() },
    metrics: context.metrics,
  });
  addOpenApi(app, { title: "Sotto notifications", version: "1" });
  return app;
}
