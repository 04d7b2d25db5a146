import { backoffMs, pause } from "@sotto/platform/bus/backoff";
import type { Bus } from "@sotto/platform/bus/bus";
import type { Logger } from "@sotto/platform/log";
import type { Registry } from "@sotto/platform/metrics";
import pg from "pg";
import { deleteRows, type OutboxRow, readRows, tryLock } from "./outbox-queries.ts";
import { createRelayMetrics, type RelayMetrics } from "./relay-metrics.ts";
import { splitEvents } from "./split-events.ts";

export type RelayDeps = {
  databaseUrl: string;
  bus: Pick<Bus, "publish">;
  log: Logger;
  metrics: Registry;
};

export type Relay = { start(): void; stop(): Promise<void> };

const POLL_MIN_MS = 50;
const POLL_MAX_MS = 500;
/** How often a standby asks for the lock. It does not wait inside PostgreSQL: that would hold back vacuum. */
const STANDBY_MS = 1000;
const BACKOFF = { firstMs: 200, maxMs: 5000 };

/**
 * Moves outbox rows to the bus, in order of their ids: publish, wait for the broker's confirmation, delete.
 * A death between any two steps repeats events and loses none.
 *
 * One relay is active at a time. The lock, the reading and the deleting share one connection, so that a relay
 * that has lost its lock can no longer take rows away.
 */
export function createRelay(deps: RelayDeps): Relay {
  const metrics = createRelayMetrics(deps.metrics);
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    start: () => {
      running = runSessions({ ...deps, counters: metrics }, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

type SessionDeps = RelayDeps & { counters: RelayMetrics };

/** One database session after another, until stopped. */
async function runSessions(deps: SessionDeps, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const client = createClient(deps);
    try {
      await client.connect();
      await waitForLock(client, deps, signal);
      failures = 0;
      deps.counters.active.set(1);
      await drain(client, deps, signal);
    } catch (error) {
      failures++;
      if (failures === 1) deps.log.warn({ err: error }, "the relay lost the database and will come back");
      await pause(backoffMs(failures, BACKOFF), signal);
    } finally {
      deps.counters.active.set(0);
      await client
        .end()
        .catch((error: unknown) => deps.log.debug({ err: error }, "closing a lost connection"));
    }
  }
}

function createClient({ databaseUrl, log }: SessionDeps): pg.Client {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: "relay",
    connectionTimeoutMillis: 5000,
    statement_timeout: 15_000,
    query_timeout: 20_000,
    keepAlive: true,
    // So that the lock of a relay whose machine vanished is free again within half a minute.
    options: "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
  });
  // The statement in flight, or the next one, rejects as well; unheard, the event would end the process.
  client.on("error", (error) => log.debug({ err: error }, "the relay's connection failed"));
  return client;
}

async function waitForLock(client: pg.Client, { log }: SessionDeps, signal: AbortSignal): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    if (await tryLock(client)) {
      log.info("this relay is active");
      return;
    }
    if (tries === 1) log.info("another relay is active; standing by");
    await pause(STANDBY_MS, signal);
  }
}

/** Publishes until stopped. Rejects when the database fails; a failing broker is waited for. */
async function drain(client: pg.Client, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  let idleMs = POLL_MIN_MS;
  while (!signal.aborted) {
    const { rows, more } = await readRows(client);
    if (rows.length > 0) await moveRows(client, deps, rows, signal);
    if (more) continue;
    idleMs = rows.length > 0 ? POLL_MIN_MS : Math.min(POLL_MAX_MS, idleMs * 2);
    await pause(idleMs, signal);
  }
}

/** Publishes, then deletes. Leaves the rows where they are when it is stopped before the broker's confirmation. */
async function moveRows(
  client: pg.Client,
  deps: SessionDeps,
  rows: readonly OutboxRow[],
  signal: AbortSignal,
): Promise<void> {
  const { publishable, malformed } = splitEvents(rows.flatMap((row) => row.events));
  if (!(await publishAll(deps, publishable, client, signal))) return;
  if (malformed.length > 0) {
    deps.log.error({ count: malformed.length }, "events without id, type or key were parked");
    deps.counters.parked.inc(malformed.length);
  }
  await deleteRows(
    client,
    rows.map((row) => row.id),
    malformed,
  );
  deps.counters.published.inc(publishable.length);
}

/** Repeats until the broker has confirmed everything. @returns false when stopped before that. */
async function publishAll(
  { bus, log }: SessionDeps,
  events: Parameters<Bus["publish"]>[0],
  client: pg.Client,
  signal: AbortSignal,
): Promise<boolean> {
  for (let tries = 1; !signal.aborted; tries++) {
    try {
      await bus.publish(events);
      return true;
    } catch (error) {
      if (tries === 1) log.warn({ err: error }, "the broker did not take events; trying again");
      await pause(backoffMs(tries, BACKOFF), signal);
      // Keeps the session in use, and notices here when it is gone: another relay may be active by now.
      await client.query("select 1");
    }
  }
  return false;
}
