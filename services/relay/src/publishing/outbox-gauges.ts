import type { Pool } from "pg";
import { Gauge, type Registry } from "prom-client";
import { countDeadRows, countParked, countRows, findOldestAge, measureBytes } from "./outbox-queries.ts";

/**
 * State of the outbox, asked when the metrics are read. Without an answer a value is NaN, never an old one. `from`: no
 * row has this id or a lower one.
 */
export function addOutboxGauges(registry: Registry, pool: Pool, from: () => bigint): void {
  const add = (name: string, help: string, measure: () => Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await measure().catch(() => Number.NaN));
      },
    });
  };
  add(
    "sotto_outbox_rows",
    "Rows in the outbox, each with the events of one commit; counted up to 100 000.",
    () => countRows(pool, from()),
  );
  add("sotto_outbox_oldest_age_seconds", "Age of the oldest row in the outbox; 0 when empty.", () =>
    findOldestAge(pool, from()),
  );
  add("sotto_outbox_bytes", "Size of the outbox on disk, with what vacuum has not given back.", () =>
    measureBytes(pool),
  );
  add(
    "sotto_outbox_dead_rows",
    "Deleted rows that vacuum has not removed, as PostgreSQL estimates them.",
    () => countDeadRows(pool),
  );
  add(
    "sotto_outbox_parked",
    "Events that could not be published and wait for a person; counted up to 100 000.",
    () => countParked(pool),
  );
}
