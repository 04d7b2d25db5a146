// How large the outbox gets, and how long its first rows take to read, while millions of events go through it.
import { setTimeout as delay } from "node:timers/promises";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { readRows } from "@sotto/relay-service/publishing/outbox-queries";
import { createRelay, type Relay } from "@sotto/relay-service/publishing/relay";
import pg from "pg";
import type { BenchDatabase } from "./ground.ts";
import { newEvents, waitUntilEmpty } from "./outbox-load.ts";
import { percentile } from "./percentile.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";

/** As many as a commit of the chat service at saturation. */
const EVENTS_PER_ROW = 32;
/** Of all events: in rows of 32, in rows of one, and in rows of one while a transaction elsewhere stays open. */
const SHARES = { many: 0.94, one: 0.04, held: 0.02 };
const WRITERS = 4;
/** Writers wait while so many events are ahead of the relay, as much as a busy second brings. */
const AHEAD = 20_000;
const SAMPLES = 4;
const READS = 5;
const DRAIN_MS = 120_000;
/** Autovacuum looks once a minute. */
const VACUUM_MS = 90_000;

/** One course through the outbox. */
interface Course {
  readonly database: BenchDatabase;
  readonly relay: Relay;
  readonly writers: readonly pg.Client[];
  readonly reader: pg.Client;
  readonly startedMs: number;
  written: number;
  published: number;
}

interface Size {
  readonly tableMb: number;
  readonly toastMb: number;
  readonly indexMb: number;
  readonly deadRows: number;
}

const ROW_TEXTS = 50;

async function measureSize({ owner }: BenchDatabase): Promise<Size> {
  const { rows } = await owner.query<Size>(`
    select pg_relation_size(c.oid)::float8 / 1e6 as "tableMb",
      pg_total_relation_size(c.reltoastrelid)::float8 / 1e6 as "toastMb",
      pg_indexes_size(c.oid)::float8 / 1e6 as "indexMb",
      coalesce(pg_stat_get_dead_tuples(c.oid), 0)::float8 as "deadRows"
    from pg_class c where c.oid = 'outbox.event'::regclass`);
  if (rows[0] === undefined) throw new Error("there is no outbox");
  return rows[0];
}

/** Median time of the relay's own reading statement, in milliseconds. */
async function timeRead(reader: pg.Client, from: bigint): Promise<number> {
  const times: number[] = [];
  for (let read = 0; read < READS; read++) {
    const fromMs = performance.now();
    await readRows(reader, from);
    times.push(performance.now() - fromMs);
  }
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

async function sample({ report }: Bench, course: Course, phase: string): Promise<void> {
  const { tableMb, toastMb, indexMb, deadRows } = await measureSize(course.database);
  const readMs = await timeRead(course.reader, course.relay.readFrom());
  report.row({
    scenario: "outbox-size",
    phase,
    seconds: round((performance.now() - course.startedMs) / 1000),
    events: course.published,
    tableMb: round(tableMb, 1),
    toastMb: round(toastMb, 1),
    indexMb: round(indexMb, 1),
    deadRows: round(deadRows),
    readMs: round(readMs, 1),
    readFromStartMs: round(await timeRead(course.reader, 0n), 1),
  });
}

/** Each row in a transaction of its own, as the services write them. */
async function write(course: Course, events: number, perRow: number): Promise<void> {
  const texts = Array.from({ length: ROW_TEXTS }, () => JSON.stringify(newEvents(perRow)));
  const goal = course.written + events;
  const run = async (client: pg.Client): Promise<void> => {
    while (course.written < goal) {
      if (course.written - course.published > AHEAD) {
        await delay(5);
        continue;
      }
      course.written += perRow;
      const text = texts[(course.written / perRow) % ROW_TEXTS];
      await client.query({
        name: "append",
        text: "insert into outbox.event (events) values ($1::jsonb)",
        values: [text],
      });
    }
  };
  await Promise.all(course.writers.map(run));
}

async function runPhase(
  bench: Bench,
  course: Course,
  phase: { name: string; events: number; perRow: number },
): Promise<void> {
  bench.report.note(`outbox-size: ${phase.events} events, ${phase.perRow} to a row (${phase.name})`);
  for (let part = 0; part < SAMPLES; part++) {
    await write(course, phase.events / SAMPLES, phase.perRow);
    await sample(bench, course, phase.name);
  }
  await waitUntilEmpty(course.database, DRAIN_MS);
}

async function withOpenTransaction(database: BenchDatabase, work: () => Promise<void>): Promise<void> {
  const client = await database.owner.connect();
  try {
    await client.query("begin isolation level repeatable read");
    await client.query("select from pg_class limit 1");
    await work();
    await client.query("commit");
  } finally {
    client.release();
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // When something else fails, the server is stopped before this is closed.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function startCourse(bench: Bench, database: BenchDatabase): Promise<Course> {
  const writers: pg.Client[] = [];
  for (let writer = 0; writer < WRITERS; writer++) {
    const client = await connect(database.urlFor("chat"));
    // The size does not depend on it, and the run is several times as fast.
    await client.query("set synchronous_commit = off");
    writers.push(client);
  }
  const relay = createRelay({
    databaseUrl: database.urlFor("relay"),
    // What a broker costs is the business of the scenario `relay`.
    bus: {
      publish: async (events) => {
        course.published += events.length;
      },
    },
    log: createLogger({ service: "bench", level: "error" }),
    metrics: createMetrics(),
  });
  const reader = await connect(database.urlFor("relay"));
  const course: Course = {
    database,
    relay,
    writers,
    reader,
    startedMs: performance.now(),
    written: 0,
    published: 0,
  };
  relay.start();
  bench.ground.cleanup.add(() => relay.stop());
  return course;
}

async function runOutboxSize(bench: Bench): Promise<void> {
  const {
    ground,
    report,
    arguments: { events },
  } = bench;
  const database = await ground.createDatabase();
  const course = await startCourse(bench, database);
  await sample(bench, course, "start");
  const phase = (name: string, share: number, perRow: number) =>
    runPhase(bench, course, { name, events: Math.round(events * share), perRow });
  await phase("many to a row", SHARES.many, EVENTS_PER_ROW);
  await phase("one to a row", SHARES.one, 1);
  await withOpenTransaction(database, () => phase("one to a row, transaction open", SHARES.held, 1));
  report.note("outbox-size: waiting for autovacuum");
  await delay(VACUUM_MS);
  await sample(bench, course, "after vacuum");
  const { rows } = await database.owner.query<{ left: number }>(
    "select count(*)::int as left from outbox.event",
  );
  if (rows[0]?.left !== 0 || course.published !== course.written)
    throw new RefusedFigures("outbox-size", [
      `${course.written} events were written and ${course.published} published`,
    ]);
  await course.relay.stop();
  await Promise.all([...course.writers, course.reader].map((client) => client.end()));
  await database.drop();
}

export const outboxSize: Scenario = { title: "outbox-size: the outbox under load", run: runOutboxSize };
