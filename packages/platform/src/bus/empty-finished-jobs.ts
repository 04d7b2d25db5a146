import type { Pool } from "pg";

/**
 * Takes the events out of finished jobs of the queue `consumer`; by pg-boss's own index of (name, completed_on).
 * The jobs stay for a while, so that an event that is published twice is not queued twice, and for that their ids do:
 * nobody's address, and nothing of an account that is gone, stays with them.
 */
export async function emptyFinishedJobs(pool: Pool, schema: string, consumer: string): Promise<void> {
  await pool.query(
    `update ${schema}.job set data = null, output = null
     where name = $1 and completed_on is not null and state in ('completed', 'cancelled', 'failed')
       and (data is not null or output is not null)`,
    [consumer],
  );
}
