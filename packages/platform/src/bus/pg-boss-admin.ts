import type { Pool } from "pg";
import { createPool } from "../db.ts";
import type { Logger } from "../log.ts";
import type { DeadLetter } from "./bus.ts";
import type { BusAdmin, QueueState, Redriven } from "./bus-admin.ts";
import { reasonOf } from "./handle-delivery.ts";
import { createBoss, deadQueue, declareQueues, SCHEMA } from "./pg-boss-queues.ts";
import type { Topology } from "./topology.ts";

export type PgBossAdminOptions = {
  databaseUrl: string;
  log: Logger;
  topology: Topology;
  retryDelaysSeconds: readonly number[];
};

export function createPgBossAdmin(options: PgBossAdminOptions): BusAdmin {
  const { log, topology, retryDelaysSeconds } = options;
  const pool = createPool({ url: options.databaseUrl, max: 1, applicationName: "bus-admin", log });
  const boss = createBoss(pool, log, { supervise: false });
  let started: Promise<void> | undefined;
  const open = (): Promise<void> => {
    started ??= (async () => {
      await boss.start();
      for (const consumer of Object.keys(topology)) await declareQueues(boss, consumer, retryDelaysSeconds);
    })();
    return started;
  };

  return {
    listQueues: async () => {
      await open();
      return listQueues(pool, Object.keys(topology));
    },
    listDeadLetters: (consumer, limit) => listDeadLetters(pool, consumer, limit),
    redrive: async (consumer, { limit, id }: Redriven) => {
      await open();
      // One statement: a letter is in the one queue or in the other.
      const chosen = id === undefined ? {} : { data: { id } };
      return boss.redrive(deadQueue(consumer), { destination: consumer, limit, ...chosen });
    },
    purge: async (queue) => {
      await open();
      return boss.deleteQueuedJobs(queue);
    },
    close: async () => {
      await started?.catch(() => undefined);
      await boss.stop({ close: false, graceful: false });
      await pool.end();
    },
  };
}

/** Repetitions wait in the queue of the events itself. */
async function listQueues(pool: Pool, consumers: readonly string[]): Promise<QueueState[]> {
  const { rows } = await pool.query<{ name: string; waiting: number }>(
    `select name, count(*) as waiting from ${SCHEMA}.job where name = any($1) and state < 'active' group by name`,
    [consumers.flatMap((consumer) => [consumer, deadQueue(consumer)])],
  );
  const waiting = new Map(rows.map((row) => [row.name, row.waiting]));
  return consumers.flatMap((consumer) => [
    { name: consumer, consumer, holds: "events" as const, waiting: waiting.get(consumer) ?? 0 },
    {
      name: deadQueue(consumer),
      consumer,
      holds: "dead letters" as const,
      waiting: waiting.get(deadQueue(consumer)) ?? 0,
    },
  ]);
}

type DeadRow = {
  data: { id?: unknown; type?: unknown } | null;
  source_output: unknown;
  source_retry_count: number | null;
  created_on: Date;
};

async function listDeadLetters(pool: Pool, consumer: string, limit: number): Promise<DeadLetter[]> {
  const { rows } = await pool.query<DeadRow>(
    `select data, source_output, source_retry_count, created_on from ${SCHEMA}.job
     where name = $1 and state < 'active' order by created_on, id limit $2`,
    [deadQueue(consumer), limit],
  );
  return rows.map((row) => ({
    id: String(row.data?.id ?? ""),
    body: row.data,
    reason: deadReason(row.source_output),
    attempts: (row.source_retry_count ?? 0) + 1,
    deadAt: row.created_on,
    routingKey: String(row.data?.type ?? ""),
  }));
}

type Output = { reason?: unknown; message?: unknown; value?: { message?: unknown } };

/** What the handler said, or what pg-boss says of a worker that vanished. */
function deadReason(output: unknown): string {
  const { reason, message, value } = (output ?? {}) as Output;
  return reasonOf(reason ?? message ?? value?.message ?? "unknown");
}
