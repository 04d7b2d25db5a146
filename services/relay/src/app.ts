import { checkDatabase } from "@sotto/platform/db";
import { addHealth } from "@sotto/platform/health";
import { type App, createApp } from "@sotto/platform/http";
import type { RelayContext } from "./context.ts";

/** Health and metrics; the relay has no API. */
export function createRelayApp(context: Pick<RelayContext, "log" | "metrics" | "pool" | "bus">): App {
  const app = createApp({ log: context.log });
  addHealth(app, {
    checks: { database: () => checkDatabase(context.pool), broker: () => context.bus.check() },
    metrics: context.metrics,
  });
  return app;
}
