import type { DomainEvent, EventType } from "@sotto/contracts/events";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Registry } from "../metrics.ts";
import type { Topology } from "./topology.ts";

/** What the bus must know of an event to carry it; the rest of it is the consumers' business. */
export type PublishableEvent = { readonly id: string; readonly type: string; readonly key: string };

export type Delivery = {
  /** 1 for the first. A delivery that was cut short by a crash may or may not have counted. */
  readonly attempt: number;
};

export type ConsumeOptions<T extends EventType> = {
  /** A consumer of the topology. Processes that consume under the same name share the work. */
  consumer: string;
  /** All the types that the topology gives this consumer. */
  types: readonly T[];
  /**
   * Called at least once for each event, perhaps twice at the same time: it must be idempotent. When it throws,
   * the event comes again after a delay; when it throws PoisonEventError, or too often, the event is dead-lettered.
   */
  handle: (event: DomainEvent<T>, delivery: Delivery) => Promise<void>;
  /** Events handled at the same time by this process. */
  concurrency: number;
};

/** An event that a consumer could not handle, and that waits for a person. */
export type DeadLetter = {
  /** Of the event. */
  readonly id: string;
  readonly body: unknown;
  readonly reason: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it was given up. */
  readonly deadAt: Date | undefined;
  /** The type under which it was published. */
  readonly routingKey: string;
};

/** Domain events between services, over RabbitMQ or over PostgreSQL. */
export interface Bus {
  /**
   * Resolves when every event is durable in the queue of each of its consumers. A consumer that handles one at a time
   * sees the events of an earlier call first, as long as nothing is repeated; those of one call come in the given
   * order over RabbitMQ, and nearly so over PostgreSQL. On rejection some may be queued and some not: publish all of them again; ids make that harmless.
   */
  publish(events: readonly PublishableEvent[]): Promise<void>;
  /** Starts consuming in the background, and goes on through every outage until `close`. */
  consume<T extends EventType>(options: ConsumeOptions<T>): void;
  /** Resolves when the broker answers and every consumer of this process is attached; rejects otherwise. */
  check(): Promise<void>;
  /** Lets running handlers finish (5 s at most), then disconnects. */
  close(): Promise<void>;
}

/** Thrown by a handler for an event that no repetition will cure: it is dead-lettered at once. */
export class PoisonEventError extends Error {
  override readonly name = "PoisonEventError";
}

export type BusOptions = {
  /** Names the connection at the broker. */
  service: string;
  /** `amqp(s)://`: RabbitMQ. Absent: pg-boss in the schema `bus` of the database. */
  brokerUrl?: string | undefined;
  /** See `RabbitmqAddress`. */
  brokerCa?: string | undefined;
  databaseUrl: string;
  log: Logger;
  metrics: Registry;
  topology?: Topology;
  /** About how long to wait before each repetition of an event whose handler failed, for each of them. */
  retryDelaysSeconds?: readonly number[];
  clock?: Clock;
};

/** `BusOptions` with every default filled in. */
export type TransportOptions = BusOptions &
  Required<Pick<BusOptions, "topology" | "retryDelaysSeconds" | "clock">>;
