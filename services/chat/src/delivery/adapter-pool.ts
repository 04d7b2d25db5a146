import type { Logger } from "@sotto/platform/log";
import type pg from "pg";

/**
 * A pool as the Socket.IO adapter uses it. The adapter listens on one connection, and opens another when that is lost,
 * but never gives the lost one back: each loss would cost the pool a place until none was left to publish with.
 * `onListening` is called whenever it listens, again after every loss: hints were lost in between.
 */
export function createAdapterPool(pool: pg.Pool, log: Logger, onListening: () => void): pg.Pool {
  async function connect(): Promise<pg.PoolClient> {
    const client = await pool.connect();
    client.once("end", () => client.release(true));
    // The adapter has sent its LISTEN by then, and a connection answers in order.
    setImmediate(() => {
      client.query("select 1").then(onListening, (error: unknown) => {
        log.warn({ err: error }, "the connection that hears the other nodes was lost again");
      });
    });
    return client;
  }
  // Of a pool the adapter calls these two and nothing else.
  return { connect, query: pool.query.bind(pool) } as unknown as pg.Pool;
}
