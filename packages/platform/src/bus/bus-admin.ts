import type { Logger } from "../log.ts";
import type { DeadLetter } from "./bus.ts";
import { RETRY_DELAYS_SECONDS } from "./create-bus.ts";
import { createPgBossAdmin } from "./pg-boss-admin.ts";
import { createRabbitmqAdmin } from "./rabbitmq-admin.ts";
import { type Topology, topology } from "./topology.ts";

export type QueueState = {
  /** As the transport calls it. */
  readonly name: string;
  readonly consumer: string;
  readonly holds: "events" | "repetitions" | "dead letters";
  /** That wait in it; those that are being handled are not counted. */
  readonly waiting: number;
};

/** How many dead letters to move, or which one. */
export type Redriven = { readonly limit: number; readonly id?: string | undefined };

/** What a person does to the queues of the bus, over either transport. */
export interface BusAdmin {
  /** Every queue of Sotto. */
  listQueues(): Promise<QueueState[]>;
  /**
   * Up to `limit` dead letters of a consumer, about the oldest first: over RabbitMQ those that were looked at may change
   * places. They stay where they are.
   */
  listDeadLetters(consumer: string, limit: number): Promise<DeadLetter[]>;
  /**
   * Moves dead letters back to the queue of their consumer, as if they had not been tried yet. Answers how many. None
   * is lost whatever happens meanwhile; over RabbitMQ those in hand, a hundred at most, may then be in both queues.
   */
  redrive(consumer: string, redriven: Redriven): Promise<number>;
  /** Removes for good what waits in a queue, named as `listQueues` names it. Answers how much. */
  purge(queue: string): Promise<number>;
  close(): Promise<void>;
}

export type BusAdminOptions = {
  brokerUrl?: string | undefined;
  brokerCa?: string | undefined;
  /** Not used with RabbitMQ. */
  databaseUrl: string;
  log: Logger;
  topology?: Topology;
  retryDelaysSeconds?: readonly number[];
};

export function createBusAdmin(options: BusAdminOptions): BusAdmin {
  const complete = {
    ...options,
    topology: options.topology ?? topology,
    retryDelaysSeconds: options.retryDelaysSeconds ?? RETRY_DELAYS_SECONDS,
  };
  const { brokerUrl } = options;
  return brokerUrl === undefined
    ? createPgBossAdmin(complete)
    : createRabbitmqAdmin({ ...complete, brokerUrl });
}
