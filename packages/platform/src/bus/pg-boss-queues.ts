import type { Pool } from "pg";
import { PgBoss } from "pg-boss";
import type { Logger } from "../log.ts";
import { retryLimitFor } from "./pg-boss-retries.ts";

export const SCHEMA = "bus";
/** A worker that has not been heard of for so long is dead, and its jobs are given to another. The least allowed. */
const HEARTBEAT_SECONDS = 10;
/** Who looks for dead workers, and how often; the queues are few and small. */
export const SUPERVISE_SECONDS = 5;
/** A handler that is still running after this counts as failed. */
const HANDLER_SECONDS = 120;
/** Waiting events of one consumer that are worth a line in the log. */
const BACKLOG_WARNING = 100_000;
/** pg-boss deletes jobs that wait longer. An event that waits for a dead service must not vanish: ten years. */
const RETENTION_SECONDS = 10 * 365 * 24 * 3600;
/** Finished jobs stay this long, without their events, so that an event that is published twice is not queued twice. */
const FINISHED_SECONDS = 3600;

export const deadQueue = (consumer: string): string => `${consumer}.dead`;

/** `supervise`: it looks after the queues, as a service does and a command does not. */
export function createBoss(pool: Pool, log: Logger, { supervise }: { supervise: boolean }): PgBoss {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    schema: SCHEMA,
    migrate: false,
    createSchema: false,
    schedule: false,
    supervise,
    registerInstance: false,
    // Rebuilding indexes needs ownership; the owner's migrations may do it.
    reindex: false,
    monitorVacuum: false,
    warningQueueSize: BACKLOG_WARNING,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
  });
  boss.on("error", (error) => log.warn({ err: error }, "the bus had a problem with the database"));
  boss.on("warning", (warning) => log.warn({ warning }, "the bus warns"));
  return boss;
}

/** Makes the queues of a consumer, or sets them as they should be. */
export async function declareQueues(
  boss: PgBoss,
  consumer: string,
  delays: readonly number[],
): Promise<void> {
  const keep = { retentionSeconds: RETENTION_SECONDS };
  const queue = {
    ...keep,
    retryLimit: retryLimitFor(delays),
    retryDelay: delays[0] ?? 0,
    // Doubles from the first delay up to the last one.
    retryBackoff: true,
    retryDelayMax: Math.max(1, ...delays),
    expireInSeconds: HANDLER_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deleteAfterSeconds: FINISHED_SECONDS,
    deadLetter: deadQueue(consumer),
  };
  await boss.createQueue(deadQueue(consumer), keep);
  await boss.createQueue(consumer, queue);
  await boss.updateQueue(consumer, queue);
}
