import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";
import { systemClock } from "./clock.ts";

export interface Ids {
  /** UUIDv7 (RFC 9562 section 5.7), increasing within this process. */
  uuidv7(): string;
}

const RANDOM_BYTES = 16;
const POOL_BYTES = 256 * RANDOM_BYTES;
/** Where the counter takes its beginning from; the bytes behind it become the random part of the id. */
const COUNTER_BYTE = 6;

/** Draws randomness for many ids at once: asking for it costs more than all the rest of an id. */
export function createIds(nowMs: () => number): Ids {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  let msecs = -1;
  let seq = 0;
  return {
    uuidv7() {
      if (used === POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const random = pool.subarray(used, used + RANDOM_BYTES);
      used += RANDOM_BYTES;
      const now = nowMs();
      if (now > msecs) {
        msecs = now;
        // In the lower half of the counter's 32 bits, so that it cannot come to its end.
        seq = random.readUInt32BE(COUNTER_BYTE) >>> 1;
      } else seq += 1;
      return v7({ random, msecs, seq });
    },
  };
}

export const systemIds: Ids = createIds(() => systemClock.now().getTime());
