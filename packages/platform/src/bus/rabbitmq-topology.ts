import { EVENT_EXCHANGE } from "@sotto/contracts/events";
import type { Channel } from "rabbitmq-client";
import { retryLanesMs } from "./retry-lanes.ts";
import type { Topology } from "./topology.ts";

/**
 * A delivery that ended with the death of the consumer's process, or of its connection, this often goes to the
 * dead letters: an event that kills its consumer must not do so for ever.
 */
const DELIVERY_LIMIT = 20;
/** Who looks at dead letters gives them back. From RabbitMQ 4 on that counts, and 20 looks would be the end of them. */
const LOOKS_LIMIT = 1_000_000_000;

/** Replicated, and written to disk before a publisher reads its confirmation. */
const QUORUM = { "x-queue-type": "quorum" } as const;

export const mainQueue = (consumer: string): string => `sotto.${consumer}`;
export const deadQueue = (consumer: string): string => `sotto.${consumer}.dead`;
/** Named after its delay, so that other delays make other queues: a queue's arguments cannot be changed. */
export const retryQueue = (consumer: string, delayMs: number): string =>
  `sotto.${consumer}.retry.${delayMs}ms`;

/** All queues of a consumer in which repetitions wait. */
export function retryQueues(consumer: string, retryDelaysSeconds: readonly number[]): string[] {
  return lanesOf(retryDelaysSeconds).map((delayMs) => retryQueue(consumer, delayMs));
}

function lanesOf(retryDelaysSeconds: readonly number[]): number[] {
  return [...new Set(retryDelaysSeconds.flatMap(retryLanesMs))];
}

/** What moves to `target` moves safely: it leaves its queue only when the target has it (needs reject-publish). */
function forwardTo(target: string) {
  return {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": target,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
  } as const;
}

/** A replicated queue of a consumer, with what happens to events that leave it unhandled. */
export function mainQueueDeclaration(consumer: string) {
  return {
    queue: mainQueue(consumer),
    durable: true,
    arguments: {
      ...QUORUM,
      "x-delivery-limit": DELIVERY_LIMIT,
      ...forwardTo(deadQueue(consumer)),
    },
  };
}

/**
 * Makes everything that is missing. Rejects when something exists with other properties. Our own queues need no binding:
 * each gets its events by name, because the broker calls an event routed as soon as any queue has it.
 */
export async function declareTopology(
  channel: Channel,
  topology: Topology,
  retryDelaysSeconds: readonly number[],
): Promise<void> {
  await channel.exchangeDeclare({ exchange: EVENT_EXCHANGE, type: "topic", durable: true });
  for (const consumer of Object.keys(topology)) {
    await channel.queueDeclare({
      queue: deadQueue(consumer),
      durable: true,
      arguments: { ...QUORUM, "x-delivery-limit": LOOKS_LIMIT },
    });
    await channel.queueDeclare(mainQueueDeclaration(consumer));
    for (const delayMs of lanesOf(retryDelaysSeconds))
      await channel.queueDeclare({
        queue: retryQueue(consumer, delayMs),
        durable: true,
        arguments: { ...QUORUM, "x-message-ttl": delayMs, ...forwardTo(mainQueue(consumer)) },
      });
  }
}

/** Rejects when the exchange, or the queue of a consumer for events or dead letters, is not there. */
export async function checkTopology(
  declare: Pick<Channel, "queueDeclare" | "exchangeDeclare">,
  topology: Topology,
): Promise<void> {
  await declare.exchangeDeclare({ exchange: EVENT_EXCHANGE, passive: true });
  for (const consumer of Object.keys(topology))
    for (const queue of [mainQueue(consumer), deadQueue(consumer)])
      await declare.queueDeclare({ queue, passive: true });
}
