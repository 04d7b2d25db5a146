import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Registry } from "@sotto/platform/metrics";
import { Counter, Gauge } from "prom-client";
import { countUnsentPushes } from "./push-queries.ts";

/** Counts attempts by outcome (sent, retried, failed, gone) and shows how many pushes wait. */
export function addPushMetrics(registry: Registry, db: Executor<NotifyDatabase>): Counter<"outcome"> {
  new Gauge({
    name: "sotto_push_waiting",
    help: "Pushes that are still to be sent.",
    registers: [registry],
    async collect() {
      this.set(await countUnsentPushes(db).catch(() => Number.NaN));
    },
  });
  return new Counter({
    name: "sotto_push_attempts_total",
    help: "Attempts to send a push, by outcome.",
    labelNames: ["outcome"],
    registers: [registry],
  });
}
