import type { Logger } from "@sotto/platform/log";
import type pg from "pg";

export interface AdapterPool {
  /** As the Socket.IO adapter uses it: `connect` and `query`. */
  readonly pool: pg.Pool;
  /** Ends the pool, even when the adapter was closed while it made its connection and so kept it. */
  end(): Promise<void>;
}

/**
 * A pool for the Socket.IO adapter. The adapter listens on one connection, and opens another when that is lost, but
 * never gives the lost one back: each loss would cost the pool a place until none was left to publish with.
 * `onListening` is called whenever it listens, again after every loss: hints were lost in between.
 */
export function createAdapterPool(pool: pg.Pool, log: Logger, onListening: () => void): AdapterPool {
  const held = new Set<pg.PoolClient>();
  pool.on("release", (_error, client) => held.delete(client));
  const release = (client: pg.PoolClient) => {
    if (held.has(client)) client.release(true);
  };

  async function connect(): Promise<pg.PoolClient> {
    // After the end there is nothing to come back to; a rejection would make the adapter try for ever.
    if (pool.ending) return new Promise(() => undefined);
    const client = await pool.connect();
    // Ended meanwhile: the end waits for this connection, which nobody would give back.
    if (pool.ending) {
      client.release(true);
      return new Promise(() => undefined);
    }
    held.add(client);
    client.once("end", () => release(client));
    // The adapter has sent its LISTEN by then, and a connection answers in order.
    setImmediate(() => {
      client.query("select 1").then(onListening, (error: unknown) => {
        log.warn({ err: error }, "the connection that hears the other nodes was lost again");
      });
    });
    return client;
  }

  return {
    pool: { connect, query: pool.query.bind(pool) } as unknown as pg.Pool,
    end() {
      for (const client of held) release(client);
      return pool.end();
    },
  };
}
