import type pg from "pg";
import { createLimiter, type Limiter } from "./limiter.ts";
import type { Logger } from "./log.ts";

/** `burst` at once, and `perMinute` in the long run. */
export type LimitRule = {
  readonly burst: number;
  readonly perMinute: number;
  /** What happens when the store does not answer: credentials and keys close, conveniences open. */
  readonly whenDown: "open" | "closed";
};

/** The limits of a service that hold across its nodes, by name. */
export interface Limits<Name extends string> {
  /**
   * Takes `points` (1 when absent) of the limit `name` for `key`, such as an account or an address.
   * @throws AppError `rate_limited` with the seconds to wait, `unavailable` when it closes because its store is down.
   */
  take(name: Name, key: string, points?: number): Promise<void>;
}

const SECONDS = 60;

export function createLimits<Name extends string>(
  rules: Readonly<Record<Name, LimitRule>>,
  deps: { pool: pg.Pool; schema: string; log: Logger },
): Limits<Name> {
  const limiters = new Map<Name, Limiter>();
  for (const [name, { burst, perMinute, whenDown }] of Object.entries(rules) as [Name, LimitRule][]) {
    const durationSeconds = Math.ceil((burst / perMinute) * SECONDS);
    limiters.set(name, createLimiter({ ...deps, name, points: burst, durationSeconds, whenDown }));
  }
  return {
    async take(name, key, points) {
      await limiters.get(name)?.consume(key, points);
    },
  };
}
