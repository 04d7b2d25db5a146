// The bus contract while the broker is well.
import { PoisonEventError } from "@sotto/platform/bus/bus";
import type { Topology } from "@sotto/platform/bus/topology";
import { systemIds } from "@sotto/platform/ids";
import { expect, vi } from "vitest";
import {
  type BusHarness,
  idsOf,
  makeEvents,
  newConsumer,
  PATIENT,
  publishForSure,
  RETRY_DELAYS_SECONDS,
  TYPE,
} from "./bus-harness.ts";

/** Guarantee to test. */
export const deliveryCases: Readonly<Record<string, (harness: BusHarness) => Promise<void>>> = {
  "gives each of two consumers a copy of every event": async (harness) => {
    const [first, second] = [newConsumer(), newConsumer()];
    const topology: Topology = { [first]: [TYPE], [second]: [TYPE] };
    const events = makeEvents(1200);
    const seenFirst = harness.collect(topology, first);
    const seenSecond = harness.collect(topology, second);
    await publishForSure(harness.connect("publisher", topology), events);
    const all = new Set(idsOf(events));
    await vi.waitFor(() => expect([seenFirst, seenSecond]).toEqual([all, all]), PATIENT);
  },

  "keeps events for a consumer that has never run": async (harness) => {
    const { consumer, topology, publisher } = harness.setUp();
    const events = makeEvents(3);
    await publishForSure(publisher, events);
    const seen = harness.collect(topology, consumer);
    await vi.waitFor(() => expect([...seen]).toEqual(idsOf(events)), PATIENT);
  },

  "hands events to a consumer that handles one at a time in the order of their publishing": async (
    harness,
  ) => {
    const { consumer, topology, publisher } = harness.setUp();
    const batches = Array.from({ length: 5 }, () => makeEvents(40));
    const batchOf = new Map(
      batches.flatMap((batch, index) => idsOf(batch).map((id) => [id, index] as const)),
    );
    const seen: (number | undefined)[] = [];
    harness.consume(topology, consumer, async (event) => void seen.push(batchOf.get(event.id)), 1);
    for (const batch of batches) await publishForSure(publisher, batch);
    await vi.waitFor(() => expect(seen).toHaveLength(200), PATIENT);
    // Within one batch the order is RabbitMQ's alone to keep.
    expect(seen).toEqual([...batchOf.values()]);
  },

  "takes an event that nobody consumes without an error": async (harness) => {
    const { publisher } = harness.setUp();
    await vi.waitFor(() => publisher.check(), PATIENT);
    const [event] = makeEvents(1);
    await publisher.publish([{ ...event, id: systemIds.uuidv7(), type: "chat.device-removed", key: "k" }]);
  },

  "repeats an event whose handler failed, after a delay, and goes on with the others": async (harness) => {
    const { consumer, topology, publisher } = harness.setUp();
    const events = makeEvents(20);
    const attempts: { id: string; attempt: number; at: number }[] = [];
    harness.consume(topology, consumer, async (event, { attempt }) => {
      attempts.push({ id: event.id, attempt, at: performance.now() });
      if (event.id === events[0]?.id && attempt === 1) throw new Error("not yet");
    });
    await publishForSure(publisher, events);
    const ofFirst = () => attempts.filter(({ id }) => id === events[0]?.id);
    await vi.waitFor(() => expect(ofFirst().map(({ attempt }) => attempt)).toEqual([1, 2]), PATIENT);
    expect((ofFirst()[1]?.at ?? 0) - (ofFirst()[0]?.at ?? 0)).toBeGreaterThan(700);
    await vi.waitFor(() => expect(new Set(idsOf(attempts))).toEqual(new Set(idsOf(events))), PATIENT);
  },

  "dead-letters an event when its last repetition failed, with reason, attempts, time and routing key":
    async (harness) => {
      const { consumer, topology, publisher } = harness.setUp();
      let calls = 0;
      const bus = harness.consume(topology, consumer, async () => {
        calls++;
        throw new Error("the printer is on fire");
      });
      const admin = harness.admin(topology);
      const events = makeEvents(1);
      await publishForSure(publisher, events);
      await vi.waitFor(async () => {
        const letters = await admin.listDeadLetters(consumer, 10);
        expect(letters).toEqual([
          {
            ...{ id: events[0]?.id, body: events[0], reason: "Error: the printer is on fire" },
            ...{ attempts: 3, deadAt: expect.any(Date), routingKey: TYPE },
          },
        ]);
      }, PATIENT);
      expect(calls).toBe(1 + RETRY_DELAYS_SECONDS.length);
      // Looking at them takes none away.
      expect(await admin.listDeadLetters(consumer, 10)).toHaveLength(1);
      await vi.waitFor(async () => {
        const metrics = await harness.metricsOf(bus);
        expect(metrics).toContain(`sotto_bus_dead_letters{consumer="${consumer}"} 1\n`);
        expect(metrics).toContain(`sotto_bus_consumed_total{consumer="${consumer}",outcome="dead"} 1\n`);
        expect(metrics).toContain(`sotto_bus_consumed_total{consumer="${consumer}",outcome="retried"} 2\n`);
      }, PATIENT);
    },

  "dead-letters poison at once: what the handler calls so, and what is no event": async (harness) => {
    const { consumer, topology, publisher } = harness.setUp();
    let calls = 0;
    harness.consume(topology, consumer, async () => {
      calls++;
      throw new PoisonEventError("never");
    });
    const admin = harness.admin(topology);
    const broken = { id: systemIds.uuidv7(), type: TYPE, key: "k", data: "garbage" };
    await vi.waitFor(() => publisher.publish([...makeEvents(1), broken]), PATIENT);
    await vi.waitFor(async () => {
      const letters = await admin.listDeadLetters(consumer, 10);
      const reasons = letters.map(({ reason }) => reason).sort();
      expect(reasons).toEqual([
        "PoisonEventError: never",
        expect.stringContaining("PoisonEventError: this is no event"),
      ]);
      expect(letters.map(({ body }) => body)).toContainEqual(broken);
    }, PATIENT);
    expect(calls).toBe(1);
  },

  "refuses a consumer that does not handle all its types": async (harness) => {
    const { consumer, topology } = harness.setUp();
    const bus = harness.connect("consumer", topology);
    const options = { handle: async () => undefined, concurrency: 1 };
    expect(() => bus.consume({ consumer, types: ["chat.device-removed"], ...options })).toThrow(
      "the topology gives it chat.device-added",
    );
    expect(() => bus.consume({ consumer: "nobody", types: [TYPE], ...options })).toThrow(
      "not in the topology",
    );
  },

  "finishes the event in hand when it is closed": async (harness) => {
    const { consumer, topology, publisher } = harness.setUp();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let finished = 0;
    const bus = harness.consume(topology, consumer, async () => {
      begin();
      await released;
      finished++;
    });
    await publishForSure(publisher, makeEvents(1));
    await begun;
    const closing = bus.close();
    release();
    await closing;
    expect(finished).toBe(1);
    const seen = harness.collect(topology, consumer);
    const next = makeEvents(1);
    await publishForSure(publisher, next);
    await vi.waitFor(() => expect(seen.size).toBe(1), PATIENT);
    expect([...seen]).toEqual(idsOf(next));
  },
};
