// Events from the outbox to the bus, over both transports.
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Bus } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { startRabbitmq } from "@sotto/testkit/rabbitmq";
import type { BenchDatabase } from "./ground.ts";
import { appendRows, type BenchEvent, newEvents, waitUntilEmpty, watchAge } from "./outbox-load.ts";
import { percentile } from "./percentile.ts";
import { countJobs, countQueued, type EventCounter } from "./queued-events.ts";
import { RefusedFigures, round } from "./report.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { type ServiceProcess, startService } from "./service-process.ts";

/** As many as a commit of the chat service at saturation. */
const EVENTS_PER_ROW = 32;
/** As many as the relay publishes at once. */
const EVENTS_PER_PUBLISH = 200 * EVENTS_PER_ROW;
/** Enough for about as many seconds as were asked for, at the target rate. */
const BACKLOG_PER_SECOND = 5000;
const STEADY_PER_SECOND = 1000;
const IDLE_SECONDS = 10;
const CONNECT_MS = 30_000;
const DRAIN_MS = 120_000;

interface Transport {
  readonly name: "pg-boss" | "rabbitmq";
  readonly brokerUrl: string | undefined;
  /** Events that have reached their queue, and how many of them twice. */
  readonly count: EventCounter;
}

async function waitUntilReachable(bus: Bus): Promise<void> {
  const deadline = performance.now() + CONNECT_MS;
  for (;;) {
    try {
      return await bus.check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

/** Events per second of the transport alone: prebuilt, published and confirmed, as many at once as the relay has. */
async function measureFloor(bus: Bus, events: readonly BenchEvent[]): Promise<number> {
  const fromMs = performance.now();
  for (let from = 0; from < events.length; from += EVENTS_PER_PUBLISH)
    await bus.publish(events.slice(from, from + EVENTS_PER_PUBLISH));
  return (events.length / (performance.now() - fromMs)) * 1000;
}

async function idleCpuPercent(relay: ServiceProcess): Promise<number> {
  const before = relay.cpuMs();
  await delay(IDLE_SECONDS * 1000);
  return (relay.cpuMs() - before) / (IDLE_SECONDS * 10);
}

async function measureBacklog(database: BenchDatabase, events: readonly BenchEvent[]): Promise<number> {
  await appendRows(database, events, EVENTS_PER_ROW);
  const fromMs = performance.now();
  await waitUntilEmpty(database, DRAIN_MS);
  return (events.length / (performance.now() - fromMs)) * 1000;
}

async function measureTransport(bench: Bench, database: BenchDatabase, transport: Transport): Promise<void> {
  const {
    ground,
    report,
    arguments: { seconds, profileDir },
  } = bench;
  const { name, brokerUrl } = transport;
  const databaseUrl = database.urlFor("relay");
  const bus = createBus({
    service: "bench",
    brokerUrl,
    databaseUrl,
    log: createLogger({ service: "bench", level: "error" }),
    metrics: createMetrics(),
  });
  const closeBus = ground.cleanup.add(() => bus.close());
  const backlog = newEvents(Math.max(2, seconds) * BACKLOG_PER_SECOND);
  const floorEvents = newEvents(backlog.length);
  const half = floorEvents.length / 2;
  await waitUntilReachable(bus);
  await bus.publish(floorEvents.slice(0, 1));
  const floorBefore = await measureFloor(bus, floorEvents.slice(1, half));
  const relay = await startService(ground.cleanup, {
    name: "relay",
    script: "services/relay/src/main.ts",
    env: { DATABASE_URL: databaseUrl, ...(brokerUrl === undefined ? {} : { MESSAGE_BROKER_URL: brokerUrl }) },
    profileDir,
  });
  const idlePercent = await idleCpuPercent(relay);
  const eventsPerS = await measureBacklog(database, backlog);
  const steady = await watchAge(database, { perSecond: STEADY_PER_SECOND, seconds, drainMs: DRAIN_MS });
  await relay.stop();
  const floorAfter = await measureFloor(bus, floorEvents.slice(half));
  await closeBus();
  const published = [...floorEvents, ...backlog, ...steady.events].map(({ id }) => id);
  const { missing, doubled } = await transport.count(published);
  if (missing > 0 || doubled > 0)
    throw new RefusedFigures("relay", [`${missing} events were lost and ${doubled} doubled`, relay.said()]);
  const floorPerS = (floorBefore + floorAfter) / 2;
  report.row({
    scenario: "relay",
    transport: name,
    eventsPerS: round(eventsPerS),
    floorPerS: round(floorPerS),
    ratio: round(eventsPerS / floorPerS, 3),
    ageP50Ms: round(percentile(steady.agesMs, 0.5), 0),
    ageMaxMs: round(percentile(steady.agesMs, 1), 0),
    idleCpuPercent: round(idlePercent, 1),
    lost: missing,
    doubled,
    floorBeforePerS: round(floorBefore),
    floorAfterPerS: round(floorAfter),
  });
}

async function runRelay(bench: Bench): Promise<void> {
  const { ground, report } = bench;
  report.note("relay: over PostgreSQL (pg-boss)");
  const database = await ground.createDatabase();
  await measureTransport(bench, database, {
    name: "pg-boss",
    brokerUrl: undefined,
    count: (ids) => countJobs(database, ids),
  });
  const server = process.env.SOTTO_RABBITMQ_SERVER ?? "/usr/lib/rabbitmq/bin/rabbitmq-server";
  if (!existsSync(server)) {
    report.note(`relay: no RabbitMQ at ${server} (SOTTO_RABBITMQ_SERVER); measured over PostgreSQL only`);
  } else {
    report.note("relay: over RabbitMQ");
    const broker = await startRabbitmq();
    const stopBroker = ground.cleanup.add(() => broker.stop());
    await measureTransport(bench, database, {
      name: "rabbitmq",
      brokerUrl: broker.url,
      count: (ids) => countQueued(broker.url, ids),
    });
    await stopBroker();
  }
  await database.drop();
}

export const relay: Scenario = { title: "relay: events from the outbox to the bus", run: runRelay };
