import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Registry } from "@sotto/platform/metrics";
import { Counter, Gauge } from "prom-client";
import { countWaiting } from "./attention-queries.ts";

/** Figures of telling people that messages wait. */
export function createAttentionMetrics(registry: Registry, db: Executor<NotifyDatabase>) {
  const registers = [registry];
  new Gauge({
    name: "sotto_attention_waiting_devices",
    help: "Devices that messages wait for while nobody of the account is there.",
    registers,
    async collect() {
      this.set(await countWaiting(db).catch(() => Number.NaN));
    },
  });
  return {
    told: new Counter({
      name: "sotto_attention_told_total",
      help: "Pushes and digests that were due, by channel and by what became of them: queued or skipped.",
      labelNames: ["channel", "outcome"],
      registers,
    }),
    cancelled: new Counter({
      name: "sotto_attention_cancelled_total",
      help: "Devices that messages had waited for when somebody of the account was there again.",
      registers,
    }),
  };
}
