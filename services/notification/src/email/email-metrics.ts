import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Registry } from "@sotto/platform/metrics";
import { Counter, Gauge } from "prom-client";
import { countUnsentEmails } from "./email-queries.ts";

/** Counts attempts by outcome (sent, retried, failed) and shows how many mails wait. */
export function addEmailMetrics(registry: Registry, db: Executor<NotifyDatabase>): Counter<"outcome"> {
  new Gauge({
    name: "sotto_email_waiting",
    help: "Mails that are still to be sent.",
    registers: [registry],
    async collect() {
      this.set(await countUnsentEmails(db).catch(() => Number.NaN));
    },
  });
  return new Counter({
    name: "sotto_email_attempts_total",
    help: "Attempts to send a mail, by outcome.",
    labelNames: ["outcome"],
    registers: [registry],
  });
}
