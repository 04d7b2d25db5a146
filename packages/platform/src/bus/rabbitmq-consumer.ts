import type { EventType } from "@sotto/contracts/events";
import { type Connection, type Consumer, ConsumerStatus } from "rabbitmq-client";
import type { Clock } from "../clock.ts";
import { repeat } from "../repeat.ts";
import { retryForever, systemRandom } from "./backoff.ts";
import type { ConsumeOptions } from "./bus.ts";
import { type DeliveryContext, handleDelivery, type Outcome } from "./handle-delivery.ts";
import { attemptOf, movedMessage, type Received } from "./rabbitmq-message.ts";
import type { ConfirmedPublisher, OutgoingMessage } from "./rabbitmq-publisher.ts";
import { deadQueue, mainQueueDeclaration, retryQueue } from "./rabbitmq-topology.ts";
import { pickLaneMs } from "./retry-lanes.ts";

/** How often a consumer asks whether the broker still knows it. */
const WATCH_MS = 5000;
/** A consumer that nothing was given to for so many looks attaches again, whatever the broker says: a minute. */
const IDLE_LOOKS = 12;
const BACKOFF = { firstMs: 200, maxMs: 5000 };

export type ConsumerDeps = {
  /** Of consumers alone: the broker stops to read from a connection that publishes during an alarm. */
  connection: Connection;
  /** For repetitions and dead letters. */
  publisher: ConfirmedPublisher;
  context: DeliveryContext;
  clock: Clock;
  /** Aborted when the bus is closed. */
  closing: AbortSignal;
};

export type AttachedConsumer = {
  /** Rejects unless deliveries can arrive. Attaches again where the broker has forgotten this consumer. */
  check(): Promise<void>;
  /** Resolves when the running handlers have ended. */
  close(): Promise<void>;
};

/**
 * Consumes until it is closed; the client declares the queue and subscribes again after every loss of the connection.
 * When the queue was deleted the broker mostly says so, but not when somebody makes it again at once (RabbitMQ 3.10,
 * quorum queues). Then the queue knows of no consumer, or takes the old one for one of its own, which gets nothing; even
 * what it was given in vain is not counted as waiting. So now and then we ask whether the queue has consumers, and whether
 * messages wait although nothing is done here; and who is idle for long attaches again anyhow.
 */
export function startConsumer<T extends EventType>(
  deps: ConsumerDeps,
  options: ConsumeOptions<T>,
): AttachedConsumer {
  const { connection, context } = deps;
  const hold = holdWhileConnected(deps);
  const activity = { running: 0, deliveries: 0 };
  const attachNow = (): Consumer => attach({ ...deps, hold, activity }, options);
  const former = new Set<Promise<void>>();
  let current = attachNow();
  const replace = (why: string, level: "warn" | "debug" = "warn"): void => {
    context.log[level]({ consumer: options.consumer }, `${why}; attaching again`);
    const ended = current.close().finally(() => former.delete(ended));
    former.add(ended);
    current = attachNow();
  };
  /** Answers how many messages wait. */
  const check = async (): Promise<number> => {
    const looked = current;
    const queue = connection.ready && (await connection.queueDeclare(mainQueueDeclaration(options.consumer)));
    const isAttached = queue && looked === current && looked.consumerTag !== "";
    if (isAttached && queue.consumerCount > 0) return queue.messageCount;
    if (isAttached) replace("the queue was made anew");
    throw new Error(`the consumer ${options.consumer} is not attached`);
  };
  let before = { waiting: 0, deliveries: 0, idleLooks: 0 };
  const watch = repeat(context, `look after the consumer ${options.consumer}`, WATCH_MS, async () => {
    const waiting = await check().catch(() => 0);
    const isIdle = activity.running === 0 && activity.deliveries === before.deliveries;
    const idleLooks = isIdle ? before.idleLooks + 1 : 0;
    if (isIdle && waiting > 0 && before.waiting > 0) replace("messages wait in vain");
    else if (idleLooks > 0 && idleLooks % IDLE_LOOKS === 0) replace("nothing came for a minute", "debug");
    before = { waiting, deliveries: activity.deliveries, idleLooks };
  });
  return {
    check: async () => {
      await check();
    },
    close: async () => {
      await Promise.all([watch.stop(), current.close(), ...former]);
    },
  };
}

type Hold = (consumer: string, message: OutgoingMessage) => Promise<void>;
type AttachDeps = ConsumerDeps & { hold: Hold; activity: { running: number; deliveries: number } };

/**
 * A delivery is acknowledged when it was handled, or when its repetition or its dead letter is safe; until that is so it
 * stays here, so that it does not come again without a delay.
 */
function attach<T extends EventType>(deps: AttachDeps, options: ConsumeOptions<T>): Consumer {
  const { connection, publisher, context, clock, hold, activity } = deps;
  const { log } = context;
  const { queue, ...queueOptions } = mainQueueDeclaration(options.consumer);
  const consumer = connection.createConsumer(
    {
      queue,
      queueOptions,
      // The next deliveries wait here while these are handled.
      qos: { prefetchCount: options.concurrency * 2 },
      concurrency: options.concurrency,
      requeue: true,
    },
    async (message) => {
      activity.deliveries++;
      activity.running++;
      try {
        const attempt = attemptOf(message);
        const outcome = await handleDelivery(context, options, { body: message.body, attempt });
        if (outcome.kind !== "handled")
          await hold(options.consumer, afterwards(options.consumer, message, outcome, clock));
        return ConsumerStatus.ACK;
      } finally {
        activity.running--;
      }
    },
  );
  consumer.on("error", (error) =>
    log.warn({ err: error, consumer: options.consumer }, "consuming was interrupted"),
  );
  consumer.on("ready", () => {
    log.info({ consumer: options.consumer }, "consuming");
    // So that the queues for repetitions and dead letters are there before they are needed.
    publisher.open().catch((error: unknown) => log.debug({ err: error }, "the queues are declared later"));
  });
  return consumer;
}

/**
 * Publishes until it is confirmed. Gives up when the connection of the consumer is lost, for then the broker gives the
 * delivery out again, or when the bus is closed.
 */
function holdWhileConnected({ connection, publisher, context: { log }, closing }: ConsumerDeps): Hold {
  let lost = new AbortController();
  connection.on("error", () => {
    lost.abort();
    lost = new AbortController();
  });
  return async (consumer, message) => {
    const signal = AbortSignal.any([lost.signal, closing]);
    await retryForever(() => publisher.publish([message]), {
      ...BACKOFF,
      signal,
      onError: (error, tries) => {
        if (tries === 1)
          log.warn({ err: error, consumer }, "RabbitMQ did not take an event back; trying again");
      },
    });
    if (signal.aborted) throw new Error("the delivery could not be moved and comes again");
  };
}

/** The same message for a retry queue or for the dead letters. */
function afterwards(
  consumer: string,
  message: Received,
  outcome: Exclude<Outcome, { kind: "handled" }>,
  clock: Clock,
): OutgoingMessage {
  const attempt = attemptOf(message);
  const { reason } = outcome;
  if (outcome.kind === "dead")
    return movedMessage(message, deadQueue(consumer), { attempt, reason, deadAt: clock.now() });
  const lane = retryQueue(consumer, pickLaneMs(outcome.delaySeconds, systemRandom));
  return movedMessage(message, lane, { attempt: attempt + 1, reason });
}
