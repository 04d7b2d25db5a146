import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Registry } from "@sotto/platform/metrics";
import { Counter, Gauge } from "prom-client";
import { countUnsentEmails } from "./email-queries.ts";

/**
 * What became of an attempt. `sent`, and four ends without: `refused` by the mail server, `unsendable`, `suppressed`
 * address, `dropped` since the address gets too many. `bounced`: sent, and did not arrive. After the others the mail waits: `retried`, `faulty`
 * configuration, `delayed` since the address gets too many.
 */
export type Outcome =
  | "sent"
  | "refused"
  | "unsendable"
  | "suppressed"
  | "dropped"
  | "bounced"
  | "retried"
  | "faulty"
  | "delayed";

export type EmailMetrics = Counter<"kind" | "outcome">;

/** Counts attempts by kind and outcome, and shows how many mails wait. */
export function addEmailMetrics(registry: Registry, db: Executor<NotifyDatabase>): EmailMetrics {
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
    help: "Attempts to send a mail, by kind and outcome.",
    labelNames: ["kind", "outcome"],
    registers: [registry],
  });
}
