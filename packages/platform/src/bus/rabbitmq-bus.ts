import type { EventType } from "@sotto/contracts/events";
import type { Connection } from "rabbitmq-client";
import type { Bus, TransportOptions } from "./bus.ts";
import { createBusMetrics } from "./bus-metrics.ts";
import { assertWholeSubscription } from "./consume-options.ts";
import { once } from "./once.ts";
import { connectRabbitmq, type RabbitmqAddress, withinMs } from "./rabbitmq-connection.ts";
import { type AttachedConsumer, startConsumer } from "./rabbitmq-consumer.ts";
import { toMessages } from "./rabbitmq-message.ts";
import { createConfirmedPublisher } from "./rabbitmq-publisher.ts";
import { checkTopology, deadQueue, declareTopology } from "./rabbitmq-topology.ts";
import { consumersByType } from "./topology.ts";

const CLOSE_GRACE_MS = 5000;

/**
 * The bus over RabbitMQ: for each consumer quorum queues for events, repetitions and dead letters, and one topic
 * exchange for everybody else. What is published has a connection of its own, so that an alarm of the broker, which
 * stops that one, does not stop the consumers: they are what makes room again.
 */
export function createRabbitmqBus(options: TransportOptions & RabbitmqAddress): Bus {
  const { log, topology, retryDelaysSeconds, clock } = options;
  const publishing = connectRabbitmq(options, { name: options.service, log });
  let consuming: Connection | undefined;
  const publisher = createConfirmedPublisher(publishing, (channel) =>
    declareTopology(channel, topology, retryDelaysSeconds),
  );
  const closing = new AbortController();
  const consumers = new Map<string, AttachedConsumer>();
  const metrics = createBusMetrics(options.metrics, consumers, (consumer) =>
    countDeadLetters(publishing, consumer),
  );
  const wanted = consumersByType(topology);

  return {
    publish: async (published) => {
      await publisher.publish(
        published.flatMap((event) => toMessages(event, wanted.get(event.type as EventType) ?? [])),
      );
      metrics.published.inc(published.length);
    },
    consume: (consumer) => {
      assertWholeSubscription(topology, consumer);
      consuming ??= connectRabbitmq(options, { name: `${options.service}-consumers`, log });
      const context = { log, metrics, retryDelaysSeconds };
      const deps = { connection: consuming, publisher, context, clock, closing: closing.signal };
      consumers.set(consumer.consumer, startConsumer(deps, consumer));
    },
    check: async () => {
      await publisher.open();
      // What somebody has deleted is made again here when nothing is published or consumed that would notice.
      await checkTopology(publishing, topology).catch(() => publisher.renew());
      for (const consumer of consumers.values()) await consumer.check();
    },
    close: once(async () => {
      const orderly = async (): Promise<void> => {
        await Promise.all([...consumers.values()].map((consumer) => consumer.close()));
        await publisher.close();
        await Promise.all([publishing.close(), consuming?.close()]);
      };
      await withinMs(CLOSE_GRACE_MS, orderly(), () => {
        publishing.unsafeDestroy();
        consuming?.unsafeDestroy();
      });
      closing.abort();
    }),
  };
}

async function countDeadLetters(connection: Connection, consumer: string): Promise<number> {
  if (!connection.ready) throw new Error("RabbitMQ is not connected");
  const { messageCount } = await connection.queueDeclare({ queue: deadQueue(consumer), passive: true });
  return messageCount;
}
