import type { Registry } from "@sotto/platform/metrics";
import { Counter } from "prom-client";

/** Counts what was added to the lists of accounts, by type. */
export function addInAppMetrics(registry: Registry): Counter<"type"> {
  return new Counter({
    name: "sotto_notifications_total",
    help: "Notifications added to the lists of accounts, by type.",
    labelNames: ["type"],
    registers: [registry],
  });
}
