import type { EventType } from "@sotto/contracts/events";
import { Connection, type Consumer, type SyncMessage } from "rabbitmq-client";
import type { Bus, DeadLetter, PublishableEvent, TransportOptions } from "./bus.ts";
import { createBusMetrics } from "./bus-metrics.ts";
import { assertWholeSubscription } from "./consume-options.ts";
import { reasonOf } from "./handle-delivery.ts";
import { once } from "./once.ts";
import { REASON_HEADER, startConsumer } from "./rabbitmq-consumer.ts";
import { createConfirmedPublisher, type OutgoingMessage } from "./rabbitmq-publisher.ts";
import { deadQueue, declareTopology, EXCHANGE, exchangeDeclaration } from "./rabbitmq-topology.ts";
import { consumersByType } from "./topology.ts";

const CLOSE_GRACE_MS = 5000;

const CONNECTION = {
  heartbeat: 10,
  connectionTimeout: 5000,
  acquireTimeout: 5000,
  // Pauses between attempts to connect: random between the first and a limit that doubles up to the second.
  retryLow: 200,
  retryHigh: 5000,
  noDelay: true,
} as const;

/** The bus over RabbitMQ: one topic exchange, and for each consumer quorum queues for events, retries, dead letters. */
export function createRabbitmqBus(options: TransportOptions & { brokerUrl: string }): Bus {
  const { log, topology, retryDelaysSeconds } = options;
  const connection = new Connection({
    ...CONNECTION,
    url: options.brokerUrl,
    connectionName: options.service,
  });
  connection.on("error", (error) => log.warn({ err: error }, "the connection to RabbitMQ failed"));
  connection.on("connection", () => log.info("connected to RabbitMQ"));
  connection.on("connection.blocked", (reason) => log.warn({ reason }, "RabbitMQ takes no messages"));

  const declare = (channel: Parameters<typeof declareTopology>[0]): Promise<void> =>
    declareTopology(channel, topology, retryDelaysSeconds);
  const events = createConfirmedPublisher(connection, declare);
  const repetitions = createConfirmedPublisher(connection, declare);
  const consumers = new Map<string, Consumer>();
  const metrics = createBusMetrics(options.metrics, consumers, (consumer) =>
    countDeadLetters(connection, consumer),
  );
  const wanted = consumersByType(topology);

  return {
    publish: async (published) => {
      if (!connection.ready) throw new Error("RabbitMQ is not connected, or takes no messages");
      await events.publish(published.map((event) => toMessage(event, wanted.has(event.type as EventType))));
      metrics.published.inc(published.length);
    },
    consume: (consumer) => {
      assertWholeSubscription(topology, consumer);
      const context = { log, metrics, retryDelaysSeconds };
      consumers.set(consumer.consumer, startConsumer(connection, repetitions, context, consumer));
    },
    check: async () => {
      if (!connection.ready) throw new Error("RabbitMQ is not connected, or takes no messages");
      await events.open();
      await connection.exchangeDeclare({ ...exchangeDeclaration, passive: true });
      for (const [name, consumer] of consumers)
        if (consumer.consumerTag === "") throw new Error(`the consumer ${name} is not attached`);
    },
    listDeadLetters: (consumer, limit) => listDeadLetters(connection, consumer, limit),
    close: once(async () => {
      const orderly = async (): Promise<void> => {
        await Promise.all([...consumers.values()].map((consumer) => consumer.close()));
        await Promise.all([events.close(), repetitions.close()]);
        await connection.close();
      };
      await withinMs(CLOSE_GRACE_MS, orderly(), () => connection.unsafeDestroy());
    }),
  };
}

/** Mandatory only where somebody must get it: an event that nobody consumes is no error. */
function toMessage(event: PublishableEvent, mandatory: boolean): OutgoingMessage {
  return {
    envelope: { exchange: EXCHANGE, routingKey: event.type, durable: true, mandatory, messageId: event.id },
    body: event,
  };
}

async function countDeadLetters(connection: Connection, consumer: string): Promise<number> {
  if (!connection.ready) throw new Error("RabbitMQ is not connected");
  const { messageCount } = await connection.queueDeclare({ queue: deadQueue(consumer), passive: true });
  return messageCount;
}

async function listDeadLetters(
  connection: Connection,
  consumer: string,
  limit: number,
): Promise<DeadLetter[]> {
  const channel = await connection.acquire();
  try {
    const letters: DeadLetter[] = [];
    while (letters.length < limit) {
      const message = await channel.basicGet({ queue: deadQueue(consumer) });
      if (message === undefined) break;
      letters.push({ body: message.body, reason: reasonOfMessage(message) });
    }
    return letters;
  } finally {
    // Nothing was acknowledged: the broker puts everything back.
    await channel.close();
  }
}

/** Ours, or the broker's own when it moved the message because of the delivery limit. */
function reasonOfMessage({ headers }: SyncMessage): string {
  return reasonOf(headers?.[REASON_HEADER] ?? headers?.["x-first-death-reason"] ?? "unknown");
}

/** Waits for `work`; calls `giveUp` when it takes too long or fails. */
async function withinMs(ms: number, work: Promise<void>, giveUp: () => void): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  await Promise.race([work, late]).catch(giveUp);
  clearTimeout(timer);
}
