import type { Pool } from "pg";
import { Gauge, type Registry } from "prom-client";
import { countRows, findOldestAge } from "./outbox-queries.ts";

/** Depth and age of the outbox, asked when the metrics are read. Without an answer they are NaN, never an old value. */
export function addOutboxGauges(registry: Registry, pool: Pool): void {
  const add = (name: string, help: string, measure: (pool: Pool) => Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await measure(pool).catch(() => Number.NaN));
      },
    });
  };
  add("sotto_outbox_rows", "Rows in the outbox, each with the events of one commit.", countRows);
  add("sotto_outbox_oldest_age_seconds", "Age of the oldest row in the outbox; 0 when empty.", findOldestAge);
}
