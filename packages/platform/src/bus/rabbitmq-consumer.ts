import type { EventType } from "@sotto/contracts/events";
import { type AsyncMessage, type Connection, type Consumer, ConsumerStatus } from "rabbitmq-client";
import type { ConsumeOptions } from "./bus.ts";
import { type DeliveryContext, handleDelivery, type Outcome } from "./handle-delivery.ts";
import type { ConfirmedPublisher } from "./rabbitmq-publisher.ts";
import {
  bindings,
  deadQueue,
  exchangeDeclaration,
  mainQueue,
  mainQueueDeclaration,
  retryQueue,
} from "./rabbitmq-topology.ts";

export const REASON_HEADER = "x-sotto-reason";
const ATTEMPT_HEADER = "x-sotto-attempt";

/**
 * Consumes until the consumer is closed; the client declares the queue and subscribes again after every loss of the
 * connection. A delivery is acknowledged when it was handled, or when its repetition or its dead letter is safe.
 */
export function startConsumer<T extends EventType>(
  connection: Connection,
  publisher: ConfirmedPublisher,
  context: DeliveryContext,
  options: ConsumeOptions<T>,
): Consumer {
  const { queue, ...queueOptions } = mainQueueDeclaration(options.consumer);
  const consumer = connection.createConsumer(
    {
      queue,
      queueOptions,
      exchanges: [exchangeDeclaration],
      queueBindings: bindings(options.consumer, options.types),
      // The next deliveries wait here while these are handled.
      qos: { prefetchCount: options.concurrency * 2 },
      concurrency: options.concurrency,
      requeue: true,
    },
    async (message) => {
      const outcome = await handleDelivery(context, options, {
        body: message.body,
        attempt: attemptOf(message),
      });
      if (outcome.kind !== "handled") await publisher.publish([moved(options.consumer, message, outcome)]);
      return ConsumerStatus.ACK;
    },
  );
  consumer.on("error", (error) =>
    context.log.warn({ err: error, consumer: options.consumer }, "consuming was interrupted"),
  );
  consumer.on("ready", () => context.log.info({ consumer: options.consumer }, "consuming"));
  return consumer;
}

function attemptOf(message: AsyncMessage): number {
  const attempt: unknown = message.headers?.[ATTEMPT_HEADER];
  return typeof attempt === "number" && attempt >= 1 ? attempt : 1;
}

/** The same message for the retry queue or for the dead letters. */
function moved(consumer: string, message: AsyncMessage, outcome: Exclude<Outcome, { kind: "handled" }>) {
  const attempt = attemptOf(message);
  const isDead = outcome.kind === "dead";
  return {
    envelope: {
      exchange: "",
      routingKey: isDead ? deadQueue(consumer) : retryQueue(consumer, outcome.delaySeconds),
      durable: true,
      mandatory: true,
      messageId: message.messageId ?? `${mainQueue(consumer)}#${message.deliveryTag}`,
      ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
      headers: { [ATTEMPT_HEADER]: isDead ? attempt : attempt + 1, [REASON_HEADER]: outcome.reason },
    },
    body: message.body as unknown,
  };
}
