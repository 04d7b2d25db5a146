import type { Channel, Connection } from "rabbitmq-client";
import type { Logger } from "../log.ts";
import { pause } from "./backoff.ts";
import type { BusAdmin, QueueState, Redriven } from "./bus-admin.ts";
import { connectRabbitmq, type RabbitmqAddress, withinMs } from "./rabbitmq-connection.ts";
import { movedMessage, type Received, toDeadLetter } from "./rabbitmq-message.ts";
import { type ConfirmedPublisher, createConfirmedPublisher } from "./rabbitmq-publisher.ts";
import { deadQueue, declareTopology, mainQueue, retryQueues } from "./rabbitmq-topology.ts";
import type { Topology } from "./topology.ts";

/** Dead letters that are moved together. */
const BATCH = 100;
const GIVEN_BACK_MS = 200;
const CLOSE_GRACE_MS = 5000;

export type RabbitmqAdminOptions = RabbitmqAddress & {
  log: Logger;
  topology: Topology;
  retryDelaysSeconds: readonly number[];
};

export function createRabbitmqAdmin(options: RabbitmqAdminOptions): BusAdmin {
  const { topology, retryDelaysSeconds } = options;
  const connection = connectRabbitmq(options, { name: "admin", log: options.log });
  const publisher = createConfirmedPublisher(connection, (channel) =>
    declareTopology(channel, topology, retryDelaysSeconds),
  );
  const queues = queuesOf(topology, retryDelaysSeconds);
  const connecting = firstAttempt(connection);
  /** All queues are there afterwards. */
  const open = async (): Promise<void> => {
    await connecting;
    await publisher.open();
  };

  return {
    listQueues: async () => {
      await open();
      const states: QueueState[] = [];
      for (const queue of queues)
        states.push({ ...queue, waiting: await countMessages(connection, queue.name) });
      return states;
    },
    listDeadLetters: async (consumer, limit) => {
      await open();
      return onChannel(connection, async (channel) =>
        (await fetchUpTo(channel, deadQueue(consumer), limit)).map(toDeadLetter),
      );
    },
    redrive: async (consumer, redriven) => {
      await open();
      return onChannel(connection, (channel) => redrive(channel, publisher, consumer, redriven));
    },
    purge: async (queue) => {
      await open();
      return (await connection.queuePurge({ queue })).messageCount;
    },
    close: () => {
      const orderly = async (): Promise<void> => {
        await publisher.close();
        await connection.close();
      };
      return withinMs(CLOSE_GRACE_MS, orderly(), () => connection.unsafeDestroy());
    },
  };
}

/** A person waits: the first failure is told, where a service goes on trying. */
function firstAttempt(connection: Connection): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  connection.once("connection", resolve);
  connection.once("error", reject);
  return promise;
}

function queuesOf(topology: Topology, delays: readonly number[]): Omit<QueueState, "waiting">[] {
  return Object.keys(topology).flatMap((consumer) => [
    { name: mainQueue(consumer), consumer, holds: "events" },
    ...retryQueues(consumer, delays).map((name) => ({ name, consumer, holds: "repetitions" as const })),
    { name: deadQueue(consumer), consumer, holds: "dead letters" },
  ]);
}

async function countMessages(connection: Connection, queue: string): Promise<number> {
  return (await connection.queueDeclare({ queue, passive: true })).messageCount;
}

/** What was fetched and not acknowledged is back in its queue when the channel is closed. */
async function onChannel<R>(connection: Connection, work: (channel: Channel) => Promise<R>): Promise<R> {
  const channel = await connection.acquire();
  try {
    return await work(channel);
  } finally {
    await channel.close();
  }
}

/** An empty queue is asked once more: what another channel has just given back may not be there yet. */
async function fetchUpTo(channel: Channel, queue: string, limit: number): Promise<Received[]> {
  const messages: Received[] = [];
  let hasWaited = false;
  while (messages.length < limit) {
    const message = await channel.basicGet({ queue });
    if (message !== undefined) messages.push(message);
    else if (messages.length > 0 || hasWaited) break;
    else {
      await pause(GIVEN_BACK_MS);
      hasWaited = true;
    }
  }
  return messages;
}

/** A message leaves the dead letters when the broker has confirmed that it is in the other queue, not before. */
async function redrive(
  channel: Channel,
  publisher: ConfirmedPublisher,
  consumer: string,
  { limit, id }: Redriven,
): Promise<number> {
  const queue = deadQueue(consumer);
  // Those that die again meanwhile are left: they would go round and round. The count of the queue says nothing, as it
  // comes a moment after the messages.
  const moved = new Set<string>();
  while (moved.size < limit) {
    const fetched = await fetchUpTo(channel, queue, Math.min(BATCH, limit - moved.size));
    if (fetched.length === 0) break;
    const chosen = fetched.filter(
      ({ messageId = "" }) => !moved.has(messageId) && (id === undefined || messageId === id),
    );
    await publisher.publish(chosen.map((message) => movedMessage(message, mainQueue(consumer))));
    for (const { deliveryTag, messageId = "" } of chosen) {
      channel.basicAck({ deliveryTag });
      moved.add(messageId);
    }
  }
  return moved.size;
}
