import type { PublishableEvent } from "@sotto/platform/bus/bus";
import { systemIds } from "@sotto/platform/ids";
import { createMetrics } from "@sotto/platform/metrics";
import { startRabbitmq, type TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { startTcpProxy, type TcpProxy } from "@sotto/testkit/tcp-proxy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createOutboxWorld,
  idsOf,
  makeEvent,
  makeEvents,
  type OutboxWorld,
  PATIENT,
  TYPE,
} from "./relay-fixture.ts";
import type { Step } from "./relay-process.ts";

let world: OutboxWorld;
let broker: TestRabbitmq;
beforeAll(async () => {
  [world, broker] = await Promise.all([createOutboxWorld(), startRabbitmq()]);
}, 120_000);
beforeEach(() => world.owner.query("truncate outbox.event, outbox.parked"));
afterEach(() => world.reset());
afterAll(async () => {
  await world?.close();
  await broker?.stop();
});

type Transport = "pg-boss" | "RabbitMQ";

const newConsumer = (): string => `test-${systemIds.uuidv7()}`;
const brokerUrlOf = (transport: Transport): string | undefined =>
  transport === "RabbitMQ" ? broker.url : undefined;

/** Everything that arrives at the consumer from now on, one at a time, repetitions included. */
function collect(transport: Transport, consumer: string, concurrency = 1): string[] {
  const arrived: string[] = [];
  world.openBus(consumer, brokerUrlOf(transport)).consume({
    consumer,
    types: [TYPE],
    concurrency,
    handle: async (event) => void arrived.push(event.id),
  });
  return arrived;
}

/** As an idempotent consumer sees it. */
const firstArrivals = (arrived: readonly string[]): string[] => [...new Set(arrived)];

/** The first row fills a batch by itself. */
const LARGE = { padding: "x".repeat(1_100_000) };

async function appendRows(events: readonly PublishableEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += 5)
    await world.append(world.owner, ...events.slice(from, from + 5));
}

/** Waits until the relay's DELETE is blocked by a lock that we hold on the rows, and kills the relay then. */
async function killWhileDeleting(pid: number): Promise<void> {
  await vi.waitFor(async () => {
    const { rowCount } = await world.owner.query(
      `select from pg_stat_activity where application_name = 'relay' and wait_event_type = 'Lock'
         and query like '%delete from outbox.event%' and datname = current_database()`,
    );
    expect(rowCount).toBe(1);
  }, PATIENT);
  process.kill(pid, "SIGKILL");
}

async function runUntilKilled(transport: Transport, consumer: string, step: Step): Promise<void> {
  const locker = await world.connect(world.database.ownerUrl);
  await locker.query("begin");
  if (step === "deleting") await locker.query("select from outbox.event for update");
  const child = world.startProcess({ consumer, step, brokerUrl: brokerUrlOf(transport) });
  if (step === "deleting") await killWhileDeleting(child.pid);
  expect(await child.ended).toBe("SIGKILL");
  await locker.query("rollback");
}

const steps: Step[] = ["before publishing", "half published", "published", "deleting", "deleted"];
const transports: Transport[] = ["pg-boss", "RabbitMQ"];

describe.each(transports)("a relay that is killed, over %s", (transport) => {
  it.each(steps)("loses no event and puts none out of order: %s", async (step) => {
    const consumer = newConsumer();
    const events = [{ ...makeEvent(), ...LARGE }, ...makeEvents(19)];
    await appendRows(events);
    await runUntilKilled(transport, consumer, step);
    const bus = world.openBus(consumer, brokerUrlOf(transport));
    world.startRelay((batch) => bus.publish(batch));
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    const arrived = collect(transport, consumer);
    await vi.waitFor(() => expect(firstArrivals(arrived)).toEqual(idsOf(events)), PATIENT);
    // pg-boss drops repetitions by the event's id.
    if (transport === "pg-boss") expect(arrived).toHaveLength(events.length);
  });
});

describe.each(transports)("two relays, over %s", (transport) => {
  it("change over when the active one is stopped in the middle of a batch, and when it is killed, in order", async () => {
    const consumer = newConsumer();
    const settings = { consumer, brokerUrl: brokerUrlOf(transport) };
    const events = makeEvents(60);
    await appendRows(events.slice(0, 20));
    const stopped = world.startProcess({ ...settings, step: "half published", signal: "SIGSTOP" });
    // The lock is held, and the session still open: nothing but silence tells that this relay is of no use.
    await vi.waitFor(async () => {
      const { rowCount } = await world.owner.query(
        `select from pg_locks where locktype = 'advisory' and objid = 7022065 and granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      expect(rowCount).toBe(1);
    }, PATIENT);
    const second = world.startProcess(settings);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    await appendRows(events.slice(20, 40));
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    // It wakes up, finishes its batch, which the other one has long published, and cannot delete anything.
    process.kill(stopped.pid, "SIGCONT");
    process.kill(second.pid, "SIGKILL");
    await second.ended;
    await appendRows(events.slice(40));
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    const arrived = collect(transport, consumer);
    await vi.waitFor(() => expect(firstArrivals(arrived)).toEqual(idsOf(events)), PATIENT);
  });
});

describe("a relay whose broker was away", () => {
  let proxy: TcpProxy;
  beforeAll(async () => {
    proxy = await startTcpProxy(Number(new URL(broker.url).port));
  });
  afterAll(() => proxy?.close());

  it("moves twenty thousand events in bounded batches when it is back, and tried with pauses until then", async () => {
    const consumer = newConsumer();
    const url = new URL(broker.url);
    url.port = String(proxy.port);
    proxy.cut();
    const bus = world.openBus(consumer, url.href);
    const metrics = createMetrics();
    const sizes: number[] = [];
    const startedAt = performance.now();
    world.startRelay(
      (batch) => {
        sizes.push(Buffer.byteLength(JSON.stringify(batch)));
        return bus.publish(batch);
      },
      { metrics },
    );
    const events = makeEvents(20_000);
    for (let from = 0; from < events.length; from += 50)
      await world.append(world.owner, ...events.slice(from, from + 50));
    const refused = async (): Promise<number> =>
      (await metrics.getSingleMetric("sotto_relay_refused_total")?.get())?.values[0]?.value ?? 0;
    await vi.waitFor(async () => expect(await refused()).toBeGreaterThan(2), PATIENT);
    // Pauses of 100 ms at the least, then 200, 400, …: a relay without them would have tried thousands of times.
    expect(await refused()).toBeLessThan(3 + (performance.now() - startedAt) / 100);
    expect(await world.countRows()).toBe(400);
    proxy.mend();
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    // The events of one row beyond a mebibyte, whatever waits.
    expect(Math.max(...sizes)).toBeLessThan(1.2 * 1024 * 1024);
    const arrived = collect("RabbitMQ", consumer, 100);
    await vi.waitFor(() => expect(firstArrivals(arrived)).toHaveLength(events.length), PATIENT);
    expect(new Set(arrived)).toEqual(new Set(idsOf(events)));
  });
});
