import { backoffMs, pause } from "@sotto/platform/bus/backoff";
import type { Bus } from "@sotto/platform/bus/bus";
import type { Logger } from "@sotto/platform/log";
import type { Registry } from "@sotto/platform/metrics";
import type pg from "pg";
import { deleteRows, listWriters, type OutboxRow, readRows } from "./outbox-queries.ts";
import { createReadHorizon, type ReadHorizon } from "./read-horizon.ts";
import { createRelayMetrics, type RelayMetrics } from "./relay-metrics.ts";
import { closeSession, createSessionClient, holdSession, waitForLock } from "./relay-session.ts";
import { splitEvents } from "./split-events.ts";

export type RelayDeps = {
  databaseUrl: string;
  bus: Pick<Bus, "publish">;
  log: Logger;
  metrics: Registry;
};

export type Relay = {
  start(): void;
  stop(): Promise<void>;
  /** No row has this id or a lower one, as far as this relay knows; 0 when it stands by. */
  readFrom(): bigint;
};

const POLL_MIN_MS = 50;
const POLL_MAX_MS = 500;
/** Of the broker: at most so long after its return the events flow again. */
const BACKOFF = { firstMs: 200, maxMs: 5000 };
/** Of the database: a relay that cannot reach it must soon be there again to take over. */
const RECONNECT = { firstMs: 100, maxMs: 1000 };

/**
 * Moves outbox rows to the bus, in order of their ids: publish, wait for the broker's confirmation, delete.
 * A death between any two steps repeats events and loses none.
 *
 * One relay is active at a time. The lock, the reading and the deleting share one connection, so that a relay
 * that has lost its lock can no longer take rows away. One that wakes up after it was replaced may finish the publishing
 * of one batch: of those events the other one has published, or will, what stands before them, so that the first
 * arrivals are in order all the same.
 */
export function createRelay(deps: RelayDeps): Relay {
  const metrics = createRelayMetrics(deps.metrics);
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let horizon = createReadHorizon();
  const newHorizon = (): ReadHorizon => {
    horizon = createReadHorizon();
    return horizon;
  };
  return {
    start: () => {
      running = runSessions(
        { ...deps, counters: metrics, newHorizon, broker: { refusals: 0 } },
        stopping.signal,
      );
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    readFrom: () => horizon.from(),
  };
}

type SessionDeps = RelayDeps & {
  counters: RelayMetrics;
  newHorizon: () => ReadHorizon;
  /** Attempts in a row that the broker refused. */
  broker: { refusals: number };
};

/** One database session after another, until stopped. */
async function runSessions(deps: SessionDeps, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const client = createSessionClient(deps);
    try {
      await client.connect();
      await waitForLock(client, deps.log, signal);
      failures = 0;
      if (!signal.aborted) deps.counters.active.set(1);
      await drain(client, deps, signal);
    } catch (error) {
      failures++;
      if (failures === 1) deps.log.warn({ err: error }, "the relay lost the database and will come back");
    } finally {
      deps.counters.active.set(0);
      deps.newHorizon();
      await closeSession(client, deps.log);
    }
    await pause(backoffMs(failures, RECONNECT), signal);
  }
}

/** Publishes until stopped. Rejects when the database fails; a failing broker is waited for. */
async function drain(client: pg.Client, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const horizon = deps.newHorizon();
  let idleMs = POLL_MIN_MS;
  while (!signal.aborted) {
    const { rows, more } = await readRows(client, horizon.from());
    horizon.read(rows[0] && BigInt(rows[0].id));
    if (rows.length > 0 && (await moveRows(client, deps, rows, signal)))
      horizon.deleted(BigInt(rows.at(-1)?.id ?? 0), rows.length);
    if (horizon.wantsWriters()) horizon.wrote(await listWriters(client));
    if (more) continue;
    idleMs = rows.length > 0 ? POLL_MIN_MS : Math.min(POLL_MAX_MS, idleMs * 2);
    await pause(idleMs, signal);
  }
}

/** Publishes, then deletes. @returns false without the broker's confirmation: the rows stay. */
async function moveRows(
  client: pg.Client,
  deps: SessionDeps,
  rows: readonly OutboxRow[],
  signal: AbortSignal,
): Promise<boolean> {
  const { publishable, malformed } = splitEvents(rows.flatMap((row) => row.events));
  if (!(await publishWithLock(deps, publishable, client, signal))) return false;
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
  return true;
}

type Events = Parameters<Bus["publish"]>[0];

/** As `publishAll`; rejects when the lock was lost meanwhile, but not before the broker has answered. */
async function publishWithLock(
  deps: SessionDeps,
  events: Events,
  client: pg.Client,
  signal: AbortSignal,
): Promise<boolean> {
  const session = holdSession(client);
  session.lost.addEventListener("abort", () => deps.counters.active.set(0), { once: true });
  const published = await publishAll(deps, events, signal, session.lost);
  await session.release();
  return published;
}

/**
 * @returns false when the broker did not take everything, after a pause: the rows are read again then, because somebody may
 * have put aside what it will never take.
 */
async function publishAll(
  { bus, log, counters, broker }: SessionDeps,
  events: Events,
  stopped: AbortSignal,
  lost: AbortSignal,
): Promise<boolean> {
  try {
    await bus.publish(events);
    broker.refusals = 0;
    return true;
  } catch (error) {
    counters.refused.inc();
    broker.refusals++;
    if (broker.refusals === 1) log.warn({ err: error }, "the broker did not take events; trying again");
    await pause(backoffMs(broker.refusals, BACKOFF), AbortSignal.any([stopped, lost]));
    return false;
  }
}
