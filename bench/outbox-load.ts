// Rows in the outbox as the services write them.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { DomainEvent } from "@sotto/contracts/events";
import { v7 } from "uuid";
import type { BenchDatabase } from "./ground.ts";

export type BenchEvent = DomainEvent<"user.session-revoked">;

const POLL_MS = 10;
/** Rows of one statement that fills the outbox. */
const ROWS_PER_INSERT = 500;

/** Of a type that has a consumer, so that both transports really queue them. */
export function newEvents(count: number): BenchEvent[] {
  const occurredAt = new Date().toISOString();
  return Array.from({ length: count }, () => {
    const accountId = randomUUID();
    const data = { accountId, sessionId: randomUUID() };
    return { id: v7(), type: "user.session-revoked", version: 1, occurredAt, key: accountId, data };
  });
}

/** Appends all of them in one transaction, `perRow` to a row. */
export async function appendRows(
  { owner }: BenchDatabase,
  events: readonly BenchEvent[],
  perRow: number,
): Promise<void> {
  const rows: string[] = [];
  for (let from = 0; from < events.length; from += perRow)
    rows.push(JSON.stringify(events.slice(from, from + perRow)));
  const client = await owner.connect();
  try {
    await client.query("begin");
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT)
      await client.query(
        "insert into outbox.event (events) select value::jsonb from unnest($1::text[]) with ordinality r (value, n) order by n",
        [rows.slice(from, from + ROWS_PER_INSERT)],
      );
    await client.query("commit");
  } finally {
    client.release();
  }
}

/** @throws Error when the outbox is not empty in time */
export async function waitUntilEmpty({ owner }: BenchDatabase, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { rowCount } = await owner.query("select from outbox.event limit 1");
    if (rowCount === 0) return;
    if (performance.now() > deadline) throw new Error("the relay did not empty the outbox");
    await delay(POLL_MS);
  }
}

export interface Steady {
  readonly events: readonly BenchEvent[];
  /** Age of the oldest event in the outbox, sampled, ascending; 0 while it is empty. */
  readonly agesMs: readonly number[];
}

const ROWS_PER_SECOND = 50;

/** Appends events at a steady rate for so long, and looks how old the oldest gets before it is gone. */
export async function watchAge(
  database: BenchDatabase,
  { perSecond, seconds, drainMs }: { perSecond: number; seconds: number; drainMs: number },
): Promise<Steady> {
  const { owner } = database;
  const perRow = perSecond / ROWS_PER_SECOND;
  const events: BenchEvent[] = [];
  const agesMs: number[] = [];
  let stopped = false;
  const sample = async (): Promise<void> => {
    while (!stopped) {
      const { rows } = await owner.query<{ age: number | null }>(
        "select extract(epoch from clock_timestamp() - min(created_at))::float8 * 1000 as age from outbox.event",
      );
      agesMs.push(rows[0]?.age ?? 0);
      await delay(POLL_MS);
    }
  };
  const sampling = sample();
  const fromMs = performance.now();
  for (let row = 0; row < seconds * ROWS_PER_SECOND; row++) {
    const dueMs = fromMs + (row * 1000) / ROWS_PER_SECOND;
    await delay(Math.max(0, dueMs - performance.now()));
    const fresh = newEvents(perRow);
    events.push(...fresh);
    await owner.query("insert into outbox.event (events) values ($1::jsonb)", [JSON.stringify(fresh)]);
  }
  await waitUntilEmpty(database, drainMs);
  stopped = true;
  await sampling;
  return { events, agesMs: agesMs.sort((a, b) => a - b) };
}
