import type { Logger } from "@sotto/platform/log";
import type pg from "pg";
import { recordDisconnections } from "./presence-queries.ts";

type Departed = { readonly deviceId: string; readonly connectionId: string };

/** Connections that have ended and are still recorded as connected. */
export interface Departures {
  add(device: Departed): void;
  /** Records what is left; for the sweep, after the database was away. */
  flush(): Promise<void>;
}

/**
 * Records the ends of connections, all that come together in one statement. One that cannot be recorded is kept:
 * a device that counts as connected for ever would never again be told of its mail by other means.
 */
export function createDepartures({ pool, log }: { pool: pg.Pool; log: Logger }): Departures {
  const departed = new Map<string, Departed>();
  let scheduled = false;

  async function flush(): Promise<void> {
    const batch = [...departed.values()];
    if (batch.length === 0) return;
    await recordDisconnections(pool, batch);
    for (const { connectionId } of batch) departed.delete(connectionId);
  }

  return {
    add(device) {
      departed.set(device.connectionId, device);
      if (scheduled) return;
      scheduled = true;
      // Not at once, so that connections which end together share a statement.
      setImmediate(() => {
        scheduled = false;
        flush().catch((error: unknown) =>
          log.warn({ err: error }, "ends of connections could not be recorded; the sweep tries again"),
        );
      });
    },
    flush,
  };
}
