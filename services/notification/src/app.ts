import { checkDatabase } from "@sotto/platform/db";
import { addHealth } from "@sotto/platform/health";
import { type App, addOpenApi, createApp } from "@sotto/platform/http";
import type { NotificationContext } from "./context.ts";

/** Health, metrics and the API document. A mail server that is away makes mail wait, not the service unready. */
export function createNotificationApp(
  context: Pick<NotificationContext, "edge" | "log" | "metrics" | "pool" | "bus">,
): App {
  const app = createApp({ log: context.log, edge: context.edge });
  addHealth(app, {
    checks: { database: () => checkDatabase(context.pool), broker: () => context.bus.check() },
    metrics: context.metrics,
  });
  addOpenApi(app, { title: "Sotto notifications", version: "1" });
  return app;
}
