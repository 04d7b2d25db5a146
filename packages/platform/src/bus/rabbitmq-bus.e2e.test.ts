import { describeBus } from "@sotto/testkit/bus-contract";
import { createBusHarness, idsOf, makeEvents, PATIENT, publishForSure } from "@sotto/testkit/bus-harness";
import { startRabbitmq } from "@sotto/testkit/rabbitmq";
import { Connection } from "rabbitmq-client";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { mainQueue } from "./rabbitmq-topology.ts";

/** RabbitMQ installations have a database as well; this bus must not need it. */
const UNUSED_DATABASE = "postgres://nobody@127.0.0.1:1/none";
const MORE_THAN_THE_DELIVERY_LIMIT = 22;

async function startBroker() {
  const broker = await startRabbitmq();
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

  it("confirms no event that a known consumer would miss, and makes the missing queue again", async () => {
    const { consumer, topology, publisher } = harness.setUp();
    await publishForSure(publisher, makeEvents(1));
    await connection.queueDelete({ queue: mainQueue(consumer) });
    const events = makeEvents(2);
    await expect(publisher.publish(events)).rejects.toThrow(
      "2 messages reached no queue, the first for chat.device-added",
    );
    await publishForSure(publisher, events);
    const seen = harness.collect(topology, consumer);
    await vi.waitFor(() => expect([...seen]).toEqual(idsOf(events)), PATIENT);
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
    const { consumer, publisher } = harness.setUp();
    const events = makeEvents(1);
    await publishForSure(publisher, events);
    for (let death = 0; death < MORE_THAN_THE_DELIVERY_LIMIT; death++) {
      const channel = await connection.acquire();
      await channel.basicGet({ queue: mainQueue(consumer) });
      await channel.close();
    }
    await vi.waitFor(async () => {
      const letters = await publisher.listDeadLetters(consumer, 10);
      expect(letters).toEqual([{ body: events[0], reason: "delivery_limit" }]);
    }, PATIENT);
  });
});
