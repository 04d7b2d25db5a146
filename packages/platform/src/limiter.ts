import type pg from "pg";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "./app-error.ts";
import type { Logger } from "./log.ts";

export interface Limiter {
  /**
   * Takes `points` (1 when absent) from `key`.
   * @throws AppError `rate_limited` with the seconds to wait, `unavailable` when it closes because its store is down.
   */
  consume(key: string, points?: number): Promise<void>;
}

export type LimiterOptions = {
  pool: pg.Pool;
  /** Schema-qualified unlogged table `(key text primary key, points int, expire bigint)`. */
  schema: string;
  name: string;
  points: number;
  durationSeconds: number;
  /** What happens when the database does not answer: credentials and keys close, conveniences open. */
  whenDown: "open" | "closed";
  log: Logger;
};

/** A limit that holds across nodes. A key that is over its limit is refused from memory, so that a flood costs no queries. */
export function createLimiter(options: LimiterOptions): Limiter {
  const limiter = new RateLimiterPostgres({
    storeClient: options.pool,
    storeType: "pool",
    schemaName: options.schema,
    tableName: "rate_limit",
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: options.name,
    points: options.points,
    duration: options.durationSeconds,
    inMemoryBlockOnConsumed: options.points + 1,
  });
  return {
    async consume(key, points = 1) {
      try {
        await limiter.consume(key, points);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw rateLimited(error);
        if (options.whenDown === "closed") {
          throw new AppError("unavailable", "This cannot be allowed now. Try again.", {
            cause: error,
            retryAfterSeconds: 2,
          });
        }
        options.log.warn(
          { err: error, limit: options.name },
          "the limiter cannot reach its store; letting pass",
        );
      }
    },
  };
}

function rateLimited(state: RateLimiterRes): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
  return new AppError("rate_limited", "Too many requests of this kind. Wait, then try again.", {
    retryAfterSeconds,
  });
}
