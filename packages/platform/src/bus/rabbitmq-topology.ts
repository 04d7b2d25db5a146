import type { Channel } from "rabbitmq-client";
import type { Topology } from "./topology.ts";

/** Every event of every service, by type as routing key. Integrators bind queues of their own to it. */
export const EXCHANGE = "sotto.events";

/**
 * A delivery that ended with the death of the consumer's process, or of its connection, this often goes to the
 * dead letters: an event that kills its consumer must not do so for ever.
 */
const DELIVERY_LIMIT = 20;

/** Replicated, and written to disk before a publisher reads its confirmation. */
const QUORUM = { "x-queue-type": "quorum" } as const;

export const mainQueue = (consumer: string): string => `sotto.${consumer}`;
export const deadQueue = (consumer: string): string => `sotto.${consumer}.dead`;
/** Named after its delay, so that other delays make other queues: a queue's arguments cannot be changed. */
export const retryQueue = (consumer: string, delaySeconds: number): string =>
  `sotto.${consumer}.retry.${delaySeconds}s`;

export const exchangeDeclaration = { exchange: EXCHANGE, type: "topic", durable: true } as const;

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

export function bindings(consumer: string, types: readonly string[]) {
  return types.map((type) => ({ exchange: EXCHANGE, queue: mainQueue(consumer), routingKey: type }));
}

/** Makes everything that is missing. Rejects when something exists with other properties. */
export async function declareTopology(
  channel: Channel,
  topology: Topology,
  retryDelaysSeconds: readonly number[],
): Promise<void> {
  await channel.exchangeDeclare(exchangeDeclaration);
  for (const [consumer, types] of Object.entries(topology)) {
    await channel.queueDeclare({
      queue: deadQueue(consumer),
      durable: true,
      arguments: QUORUM,
    });
    await channel.queueDeclare(mainQueueDeclaration(consumer));
    for (const seconds of new Set(retryDelaysSeconds))
      await channel.queueDeclare({
        queue: retryQueue(consumer, seconds),
        durable: true,
        arguments: {
          ...QUORUM,
          "x-message-ttl": Math.round(seconds * 1000),
          ...forwardTo(mainQueue(consumer)),
        },
      });
    for (const binding of bindings(consumer, types)) await channel.queueBind(binding);
  }
}
