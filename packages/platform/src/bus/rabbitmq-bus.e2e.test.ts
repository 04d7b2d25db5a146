import { EVENT_EXCHANGE } from "@sotto/contracts/events";
import { describeBus } from "@sotto/testkit/bus-contract";
import {
  createBusHarness,
  idsOf,
  makeEvents,
  PATIENT,
  publishForSure,
  TYPE,
} from "@sotto/testkit/bus-harness";
import { issueCertificate } from "@sotto/testkit/certificates";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { Connection } from "rabbitmq-client";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { deadQueue, mainQueue, mainQueueDeclaration, retryQueues } from "./rabbitmq-topology.ts";

/** RabbitMQ installations have a database as well; this bus must not need it. */
const UNUSED_DATABASE = "postgres://nobody@127.0.0.1:1/none";
const MORE_THAN_THE_DELIVERY_LIMIT = 22;

async function startBroker() {
  const broker = await useRabbitmq();
  const address = { brokerUrl: broker.url, databaseUrl: UNUSED_DATABASE };
  return { publisher: address, consumer: address, ...broker };
}

describeBus("RabbitMQ", startBroker);

describe("RabbitMQ", () => {
  let broker: Awaited<ReturnType<typeof startBroker>>;
  let harness: ReturnType<typeof createBusHarness>;
  let connection: Connection;
  beforeAll(async () => {
    broker = await startBroker();
    harness = createBusHarness(broker);
    connection = new Connection(broker.url);
    await connection.onConnect();
  });
  afterEach(() => harness.closeAll());
  afterAll(async () => {
    await connection?.close();
    await broker?.stop();
  });

  it("confirms no event that a known consumer would miss, though others get it, and makes the missing queue again", async () => {
    const { consumer, publisher } = harness.setUp();
    const other = `${consumer}-2`;
    const topology = { [consumer]: [TYPE], [other]: [TYPE] } as const;
    const both = harness.connect("publisher", topology);
    await publishForSure(both, makeEvents(1));
    await publishForSure(publisher, makeEvents(1));
    // An integrator, who takes everything.
    const { queue } = await connection.queueDeclare({ exclusive: true });
    await connection.queueBind({ exchange: EVENT_EXCHANGE, queue, routingKey: "#" });
    await connection.queueDelete({ queue: mainQueue(consumer) });
    const events = makeEvents(2);
    await expect(both.publish(events)).rejects.toThrow(
      `2 messages reached no queue, the first for ${mainQueue(consumer)}`,
    );
    await publishForSure(both, events);
    const seen = harness.collect(topology, consumer);
    await vi.waitFor(() => expect([...seen]).toEqual(idsOf(events)), PATIENT);
    const integrated = await connection.basicGet({ queue, noAck: true });
    expect(integrated).toMatchObject({ routingKey: TYPE, messageId: events[0]?.id, body: events[0] });
  });

  it("keeps the order of events within one call", async () => {
    const { consumer, topology, publisher } = harness.setUp();
    const events = makeEvents(700);
    const seen: string[] = [];
    harness.consume(topology, consumer, async (event) => void seen.push(event.id), 1);
    await publishForSure(publisher, events);
    await vi.waitFor(() => expect(seen).toHaveLength(700), PATIENT);
    expect(seen).toEqual(idsOf(events));
  });

  it("dead-letters an event that kills its consumer again and again, with the reason", async () => {
    const { consumer, topology, publisher } = harness.setUp();
    const events = makeEvents(1);
    await publishForSure(publisher, events);
    for (let death = 0; death < MORE_THAN_THE_DELIVERY_LIMIT; death++) {
      const channel = await connection.acquire();
      await channel.basicGet({ queue: mainQueue(consumer) });
      await channel.close();
    }
    const admin = harness.admin(topology);
    await vi.waitFor(async () => {
      expect(await admin.listDeadLetters(consumer, 10)).toEqual([
        {
          ...{ id: events[0]?.id, body: events[0], reason: "delivery_limit" },
          ...{ attempts: expect.any(Number), deadAt: expect.any(Date), routingKey: TYPE },
        },
      ]);
    }, PATIENT);
  });

  it("goes on when its queue is deleted under a running consumer, also when another makes it again at once, and loses nothing that is published later", async () => {
    const { consumer, topology, publisher } = harness.setUp();
    const seen = new Set<string>();
    let failing: string | undefined;
    const bus = harness.consume(topology, consumer, async ({ id }, { attempt }) => {
      if (id === failing && attempt === 1) throw new Error("not yet");
      seen.add(id);
    });
    await vi.waitFor(() => bus.check(), PATIENT);
    const round = async (count: number, readiness = false): Promise<void> => {
      const events = makeEvents(count);
      await publishForSure(publisher, events);
      await vi.waitFor(async () => {
        if (readiness) await bus.check();
        expect(idsOf(events).every((id) => seen.has(id))).toBe(true);
      }, PATIENT);
    };
    await round(3);
    for (let deletion = 0; deletion < 3; deletion++) {
      await connection.queueDelete({ queue: mainQueue(consumer) });
      await round(3);
    }
    // The broker tells a consumer of such a change only sometimes.
    for (const readiness of [true, false]) {
      await connection.queueDelete({ queue: mainQueue(consumer) });
      await connection.queueDeclare(mainQueueDeclaration(consumer));
      // More than are given out before the first is acknowledged: fewer may be given to the consumer that was, and are
      // noticed only when the idle one attaches again, after a minute.
      await round(40, readiness);
    }
    // Repetitions have queues of their own, which are missed only when one is needed.
    for (const queue of retryQueues(consumer, [1])) await connection.queueDelete({ queue });
    const repeated = makeEvents(1);
    failing = repeated[0]?.id;
    await publishForSure(publisher, repeated);
    await vi.waitFor(() => expect(seen).toContain(failing), PATIENT);
  });

  it("makes deleted queues again as soon as readiness is asked for, when nobody publishes or consumes", async () => {
    const { consumer, publisher } = harness.setUp();
    await vi.waitFor(() => publisher.check(), PATIENT);
    for (const queue of [mainQueue(consumer), deadQueue(consumer)]) {
      await connection.queueDelete({ queue });
      await publisher.check();
      await connection.queueDeclare({ queue, passive: true });
    }
  });

  it("during a memory alarm refuses at once and is not ready, consumes what is there, and goes on by itself", async () => {
    const { consumer, topology, publisher } = harness.setUp();
    const events = makeEvents(20);
    await publishForSure(publisher, events);
    await vi.waitFor(() => publisher.check(), PATIENT);
    await broker.ctl("set_vm_memory_high_watermark", "0");
    const later = makeEvents(1);
    await vi.waitFor(() => expect(publisher.publish(later)).rejects.toThrow("takes no messages"), PATIENT);
    await expect(publisher.check()).rejects.toThrow("takes no messages");

    const attempts = new Map<string, number[]>();
    const bus = harness.consume(
      topology,
      consumer,
      async ({ id }, { attempt }) => {
        attempts.set(id, [...(attempts.get(id) ?? []), attempt]);
        if (id === events[0]?.id && attempt === 1) throw new Error("its repetition must wait for the broker");
      },
      2,
    );
    await vi.waitFor(() => expect(new Set(attempts.keys())).toEqual(new Set(idsOf(events))), PATIENT);
    await vi.waitFor(() => expect(bus.check()).rejects.toThrow("takes no messages"), PATIENT);

    await broker.ctl("set_vm_memory_high_watermark", "absolute", "1GB");
    await vi.waitFor(() => Promise.all([publisher.check(), bus.check()]), PATIENT);
    await publishForSure(publisher, later);
    // What was on its way when the broker stopped to read may come twice.
    const attemptsOf = ([event]: typeof events) => new Set(attempts.get(event?.id ?? ""));
    await vi.waitFor(() => expect(attemptsOf(later)).toEqual(new Set([1])), PATIENT);
    await vi.waitFor(() => expect(attemptsOf(events)).toEqual(new Set([1, 2])), PATIENT);
  });

  it("speaks TLS with a broker that its authority has signed, and with no other", async () => {
    const connectBy = (brokerUrl: string, brokerCa: string | undefined) => {
      const address = { databaseUrl: UNUSED_DATABASE, brokerUrl, ...(brokerCa && { brokerCa }) };
      const harness = createBusHarness({ ...broker, publisher: address, consumer: address });
      const { publisher } = harness.setUp();
      return { publisher, admin: harness.admin({ x: [TYPE] }), close: harness.closeAll };
    };
    const stranger = await issueCertificate({ names: ["localhost"], addresses: [] });
    const elsewhere = broker.tlsUrl.replace("localhost", "127.0.0.1");
    const refused = [
      { url: broker.tlsUrl, ca: stranger.ca, why: /certificate/ },
      { url: broker.tlsUrl, ca: undefined, why: /certificate/ },
      { url: elsewhere, ca: broker.ca, why: /does not match certificate's altnames/ },
    ];
    const trusted = connectBy(broker.tlsUrl, broker.ca);
    await vi.waitFor(() => trusted.publisher.publish(makeEvents(1)), PATIENT);
    await trusted.close();
    for (const { url, ca, why } of refused) {
      const { publisher, admin, close } = connectBy(url, ca);
      await expect(admin.listQueues()).rejects.toThrow(why);
      await expect(publisher.publish(makeEvents(1))).rejects.toThrow("not connected");
      await close();
    }
  });
});
