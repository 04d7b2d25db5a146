import type pg from "pg";
import { RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "./app-error.ts";
import { BoundedMap } from "./bounded-map.ts";
import { BucketStore, type Draw, type Got } from "./bucket-store.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import { type BucketRule, toBucket } from "./token-bucket.ts";

export interface Limiter {
  /**
   * Takes `points` (1 when absent) from `key`.
   * @throws AppError `rate_limited` with the seconds to wait; `unavailable` or `overloaded` when it closes because its
   * store is down or has too much to do.
   */
  consume(key: string, points?: number): Promise<void>;
  /** Gives back what was taken and, as it turned out, not used. A store that is down keeps it; it comes back with time. */
  giveBack(key: string, points?: number): Promise<void>;
  /** What giving a point back changes in the store, for a statement that does it beside something else. */
  owe(key: string): Owed;
  /**
   * Begins to take a point that is asked of the store together with a point of another limiter; an error is the refusal
   * of a key that is known to have none. Undefined for limits that count in batches or stay open without a store.
   */
  readonly begin: ((key: string) => Begun | AppError) | undefined;
}

/** A point that has been taken and is to be given back: `ms` less in `expire` of the row `key`. */
export type Owed = {
  readonly key: string;
  readonly ms: number;
  /** To be called when it has been given back. */
  settled(): void;
};

/** A point that is being taken. */
export type Begun = {
  readonly draw: Draw;
  /** The refusal, when that is what the store answered. */
  refusal(got: Got): AppError | undefined;
  /** To be called whatever became of it. */
  end(): void;
};

export type LimitRule = BucketRule & {
  /**
   * What happens when the database does not answer: credentials and keys are closed. Conveniences stay open, and each
   * process counts for itself.
   */
  readonly whenDown: "open" | "closed";
  /**
   * Points that a process counts by itself before it asks the store, for limits that every request has. N processes
   * together then let through up to N × `batch` more than the rule says, and refuse up to `batch` earlier.
   */
  readonly batch?: number;
};

export type LimiterOptions = {
  pool: pg.Pool;
  /** With the unlogged table `rate_limit`. */
  schema: string;
  name: string;
  rule: LimitRule;
  /** One for all limiters of a process. */
  statements: StatementGate;
  clock: Pick<Clock, "now">;
  log: Logger;
};

/** Keys of one limiter that a process remembers as being over the limit, or counts in batches. */
const REMEMBERED_KEYS = 20_000;
/** Statements of all limiters of a process that run or wait for a connection; what lies beyond is refused unasked. */
const MAX_STATEMENTS = 64;

export type StatementGate = { enter(): boolean; leave(): void };

export function createStatementGate(max = MAX_STATEMENTS): StatementGate {
  let running = 0;
  return {
    enter() {
      if (running >= max) return false;
      running += 1;
      return true;
    },
    leave() {
      running -= 1;
    },
  };
}

/**
 * A limit that holds across nodes. A flood of one key costs no more statements than the limit has points: a key that is
 * over its limit, or has as much under way as there could be, is refused from memory. A flood of many keys is bounded
 * by the gate.
 */
export function createLimiter(options: LimiterOptions): Limiter {
  const { rule, clock, log, name, statements } = options;
  const store = new BucketStore({
    ...options,
    insured: rule.whenDown === "open",
    onFailure: (error) => log.warn({ err: error, limit: name }, "a limiter cannot reach its store"),
  });
  const overUntil = new BoundedMap<string, number>(REMEMBERED_KEYS);
  const underWay = createCounter();
  const addBatch = createBatches(rule.batch ?? 1);

  /** Beyond the gate it is as if the store did not answer. */
  async function ask(key: string, points: number): Promise<void> {
    if (statements.enter()) await store.consume(key, points).finally(() => statements.leave());
    else if (store.insurance) await store.insurance.consume(key, points);
    else throw tooMuch();
  }

  function remember(key: string, waitMs: number): AppError {
    overUntil.set(key, clock.now().getTime() + waitMs);
    return rateLimited(waitMs);
  }

  function toRefusal(key: string, error: unknown): AppError {
    if (error instanceof AppError) return error;
    return error instanceof RateLimiterRes ? remember(key, error.msBeforeNext) : toUnavailable(error);
  }

  /** The refusal of a key of which it is known that nothing is left. */
  function findRefusal(key: string): AppError | undefined {
    const restMs = (overUntil.get(key) ?? 0) - clock.now().getTime();
    if (restMs > 0) return rateLimited(restMs);
    overUntil.delete(key);
    return underWay.of(key) >= rule.burst ? rateLimited(toBucket(rule).intervalMs) : undefined;
  }

  function begin(key: string): Begun | AppError {
    const refused = findRefusal(key);
    if (refused) return refused;
    underWay.add(key, 1);
    return {
      draw: store.draw(store.getKey(key), 1),
      refusal: (got) => (got.points === 0 ? remember(key, store.waitMs(got, 1)) : undefined),
      end: () => underWay.add(key, -1),
    };
  }

  return {
    begin: rule.whenDown === "closed" && rule.batch === undefined ? begin : undefined,
    async consume(key, points = 1) {
      const refused = findRefusal(key);
      if (refused) throw refused;
      const due = addBatch(key, points);
      if (due === 0) return;
      underWay.add(key, due);
      await ask(key, due)
        .catch((error: unknown) => {
          throw toRefusal(key, error);
        })
        .finally(() => underWay.add(key, -due));
    },
    async giveBack(key, points = 1) {
      overUntil.delete(key);
      // The store has told of its failure.
      await store.reward(key, points).catch(() => undefined);
    },
    owe(key) {
      const { costMs, key: row } = store.draw(store.getKey(key), 1);
      return { key: row, ms: costMs, settled: () => overUntil.delete(key) };
    },
  };
}

/** Numbers by key; a key at 0 is forgotten. */
function createCounter() {
  const counts = new Map<string, number>();
  const of = (key: string): number => counts.get(key) ?? 0;
  return {
    of,
    add(key: string, change: number) {
      const sum = of(key) + change;
      if (sum > 0) counts.set(key, sum);
      else counts.delete(key);
    },
  };
}

/** Points that the store is to be asked for now: 0 until a batch is full. */
function createBatches(batch: number): (key: string, points: number) => number {
  const counted = new BoundedMap<string, number>(REMEMBERED_KEYS);
  return (key, points) => {
    const sum = (counted.get(key) ?? 0) + points;
    if (sum < batch) {
      counted.set(key, sum);
      return 0;
    }
    counted.delete(key);
    return sum;
  };
}

/** Of what the gate keeps out. */
export function tooMuch(): AppError {
  return new AppError("overloaded", "Too much is going on. Try again.", { retryAfterSeconds: 1 });
}

/** Of a limit that is closed while its store is down. */
export function toUnavailable(cause: unknown): AppError {
  return new AppError("unavailable", "This cannot be allowed now. Try again.", {
    cause,
    retryAfterSeconds: 2,
  });
}

function rateLimited(ms: number): AppError {
  return new AppError("rate_limited", "Too many requests of this kind. Wait, then try again.", {
    retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
  });
}
