import type { EventType } from "@sotto/contracts/events";
import type { Pool } from "pg";
import type { JobResult, PgBoss } from "pg-boss";
import { createPool } from "../db.ts";
import { repeat } from "../repeat.ts";
import { retryForever } from "./backoff.ts";
import type { Bus, ConsumeOptions, PublishableEvent, TransportOptions } from "./bus.ts";
import { createBusMetrics } from "./bus-metrics.ts";
import { assertWholeSubscription } from "./consume-options.ts";
import { emptyFinishedJobs } from "./empty-finished-jobs.ts";
import { type DeliveryContext, handleDelivery, type Outcome } from "./handle-delivery.ts";
import { mapBounded } from "./map-bounded.ts";
import { once } from "./once.ts";
import { createBoss, deadQueue, declareQueues, SCHEMA, SUPERVISE_SECONDS } from "./pg-boss-queues.ts";
import { consumersByType, type Topology } from "./topology.ts";

const POOL_SIZE = 6;
const POLL_SECONDS = 0.5;
/** Jobs of one insert statement. */
const INSERT_SIZE = 500;
/** Jobs that a worker takes at once. */
const BATCH_SIZE = 50;
const CLOSE_GRACE_MS = 5000;
const BACKOFF = { firstMs: 200, maxMs: 5000 };

/**
 * The bus over PostgreSQL, for installations without RabbitMQ. One pg-boss queue per consumer, and one for its dead
 * letters. The schema is made by the migrations; this needs only to read and write its tables.
 */
export function createPgBossBus(options: TransportOptions): Bus {
  const { log, topology } = options;
  const pool = createPool({
    url: options.databaseUrl,
    max: POOL_SIZE,
    applicationName: `${options.service}-bus`,
    log,
  });
  const boss = createBoss(pool, log, { supervise: true });
  const closing = new AbortController();
  const consumers = new Map<string, "starting" | "attached">();
  const metrics = createBusMetrics(options.metrics, consumers, (consumer) =>
    countDeadLetters(pool, consumer),
  );
  const start = startOnce(boss, topology, options.retryDelaysSeconds);
  const emptying = repeat(options, "emptying of finished events", SUPERVISE_SECONDS * 1000, async () => {
    for (const consumer of consumers.keys()) await emptyFinishedJobs(pool, SCHEMA, consumer);
  });
  const context: DeliveryContext = { log, metrics, retryDelaysSeconds: options.retryDelaysSeconds };

  return {
    publish: async (events) => {
      await start.run();
      await insertJobs(boss, topology, events).catch((error: unknown) => {
        // The queues may be gone (a restored database): they are made again before the next attempt.
        start.forget();
        throw error;
      });
      metrics.published.inc(events.length);
    },
    consume: (consumer) => {
      assertWholeSubscription(topology, consumer);
      consumers.set(consumer.consumer, "starting");
      void retryForever(
        async () => {
          await start.run();
          if (closing.signal.aborted) return;
          await work(boss, context, consumer);
          consumers.set(consumer.consumer, "attached");
          log.info({ consumer: consumer.consumer }, "consuming");
        },
        {
          ...BACKOFF,
          signal: closing.signal,
          onError: (error, tries) => {
            start.forget();
            if (tries === 1)
              log.warn({ err: error, consumer: consumer.consumer }, "the bus is not reachable");
          },
        },
      );
    },
    check: async () => {
      await start.run();
      await pool.query(`select version from ${SCHEMA}.version`);
      for (const [consumer, state] of consumers)
        if (state !== "attached") throw new Error(`the consumer ${consumer} is not attached`);
    },
    close: once(async () => {
      closing.abort();
      await emptying.stop();
      await boss.stop({ close: false, graceful: true, timeout: CLOSE_GRACE_MS });
      await pool.end();
    }),
  };
}

/** Starts pg-boss and makes the queues: once, by whoever needs it first, again after a failure. */
function startOnce(boss: PgBoss, topology: Topology, retryDelaysSeconds: readonly number[]) {
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    await boss.start();
    for (const consumer of Object.keys(topology)) await declareQueues(boss, consumer, retryDelaysSeconds);
  };
  return {
    run: () => {
      running ??= run().catch((error: unknown) => {
        running = undefined;
        throw error;
      });
      return running;
    },
    forget: () => {
      running = undefined;
    },
  };
}

/**
 * One insert per consumer and chunk. The event's id is the job's id, so that a repetition inserts nothing, and
 * jobs of one moment are handed out in the order of their ids, which are UUIDv7.
 */
async function insertJobs(
  boss: PgBoss,
  topology: Topology,
  events: readonly PublishableEvent[],
): Promise<void> {
  const wanted = consumersByType(topology);
  const byConsumer = new Map<string, Map<string, PublishableEvent>>();
  for (const event of events)
    for (const consumer of wanted.get(event.type as EventType) ?? []) {
      const jobs = byConsumer.get(consumer) ?? new Map<string, PublishableEvent>();
      byConsumer.set(consumer, jobs.set(event.id, event));
    }
  for (const [consumer, jobs] of byConsumer) {
    const all = [...jobs.values()].map((event) => ({ id: event.id, data: event }));
    for (let from = 0; from < all.length; from += INSERT_SIZE)
      await boss.insert(consumer, all.slice(from, from + INSERT_SIZE));
  }
}

async function work<T extends EventType>(
  boss: PgBoss,
  context: DeliveryContext,
  options: ConsumeOptions<T>,
): Promise<void> {
  const settings = {
    batchSize: BATCH_SIZE,
    pollingIntervalSeconds: POLL_SECONDS,
    notifyPollingIntervalSeconds: POLL_SECONDS,
    burstWhenBatchFull: true,
    includeMetadata: true,
    perJobResults: true,
  } as const;
  await boss.work(options.consumer, settings, (jobs) =>
    mapBounded(jobs.toSorted(byAge), options.concurrency, async (job) => {
      const delivery = { body: job.data, attempt: job.retryCount + 1 };
      return toResult(job.id, await handleDelivery(context, options, delivery));
    }),
  );
}

type Aged = { id: string; createdOn: Date };

/** PostgreSQL returns the rows of an UPDATE in any order. */
function byAge(one: Aged, other: Aged): number {
  return one.createdOn.getTime() - other.createdOn.getTime() || (one.id < other.id ? -1 : 1);
}

function toResult(id: string, outcome: Outcome): JobResult {
  if (outcome.kind === "handled") return { id, status: "completed" };
  const output = { reason: outcome.reason };
  return { id, status: outcome.kind === "dead" ? "deadletter" : "failed", output };
}

async function countDeadLetters(pool: Pool, consumer: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*) from ${SCHEMA}.job where name = $1 and state < 'active'`,
    [deadQueue(consumer)],
  );
  return rows[0]?.count ?? 0;
}
