import type pg from "pg";
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Clock } from "./clock.ts";
import type { Question } from "./db.ts";
import { type Bucket, type BucketRule, costMs, toBucket, waitMs } from "./token-bucket.ts";

export type BucketStoreOptions = {
  pool: pg.Pool;
  /** Holds the unlogged table `rate_limit (key text primary key, points int, expire bigint)`. */
  schema: string;
  name: string;
  rule: BucketRule;
  /** Whether each process counts for itself while the store does not answer. */
  insured: boolean;
  clock: Pick<Clock, "now">;
  /** Told of every statement that failed, insured or not. */
  onFailure: (error: unknown) => void;
};

/** What a try got: its points, or 0 when it was refused; and when the bucket is full again. */
export type Got = { readonly points: number; readonly expire: string | number };

/** Points of one bucket, as the table knows it. Negative ones are given back. */
export type Draw = {
  readonly key: string;
  readonly points: number;
  readonly costMs: number;
  readonly capacityMs: number;
};

/** Takes the draw whose values begin at `$at`, at the time `$1`; only when the rows of `from` say so. */
function takeOne(schema: string, at: number, from = ""): string {
  const [key, points, cost, capacity] = [at, at + 1, at + 2, at + 3].map((number) => `$${number}`);
  const fullAt = `greatest(held.expire, $1) + ${cost}`;
  const isThere = `${fullAt} <= $1 + ${capacity}::bigint`;
  return `
    insert into ${schema}.rate_limit as held (key, points, expire)
    select ${key}::text, ${points}::int, $1::bigint + ${cost}::bigint ${from}
    on conflict (key) do update set
      points = case when ${isThere} then excluded.points else 0 end,
      expire = case when ${isThere} then ${fullAt} else held.expire end
    returning points, expire`;
}

type GotOfBoth = {
  first_points: number;
  first_expire: string | number;
  second_points: number | null;
  second_expire: string | number | null;
  is_answered: true | null;
};

/** Values of two draws and the time. */
const VALUES_OF_BOTH = 9;

/**
 * Takes two draws in one statement, the second only when the first got something: what the first bucket refuses must
 * not cost the second one anything. The question is answered only when both did. The keys must differ; whoever takes two
 * of the same buckets must take them in the same order, in which their rows are locked.
 */
export async function drawBoth<Answer>(
  { pool, schema, nowMs }: { pool: pg.Pool; schema: string; nowMs: number },
  { first, second }: { first: Draw; second: Draw },
  question: Question<Answer>,
): Promise<{ first: Got; second: Got | undefined; answer: Answer | undefined }> {
  const { rows } = await pool.query<GotOfBoth>({
    name: `take both of ${schema}.rate_limit, ${question.name}`,
    text: `
      with first as (${takeOne(schema, 2)}),
      second as (${takeOne(schema, 6, "from first where first.points > 0")})
      select first.points as first_points, first.expire as first_expire,
        second.points as second_points, second.expire as second_expire, answer.*
      from first left join second on true left join (
        select true as is_answered, * from (${question.text(VALUES_OF_BOTH + 1)}) asked
      ) answer on second.points > 0`,
    values: [nowMs, ...toValues(first), ...toValues(second), ...question.values],
  });
  const row = rows[0] as GotOfBoth;
  const { second_points, second_expire } = row;
  return {
    first: { points: row.first_points, expire: row.first_expire },
    second:
      second_points === null || second_expire === null
        ? undefined
        : { points: second_points, expire: second_expire },
    answer: row.is_answered ? question.read(row) : undefined,
  };
}

function toValues({ key, points, costMs, capacityMs }: Draw) {
  return [key, points, costMs, capacityMs];
}

/**
 * The windows of RateLimiterPostgres let through up to twice what a rule says where two of them meet. This keeps its
 * table and its statement per try, and counts as a token bucket (the generic cell rate algorithm, ITU-T I.371):
 * `expire` is when the bucket is full again, so that an expired row says no more than an absent one. `points` is
 * what the last try got, 0 when it was refused: a refusal costs its caller nothing.
 */
export class BucketStore extends RateLimiterPostgres {
  /** Counts in this process alone. */
  readonly insurance: RateLimiterMemory | undefined;
  readonly #options: BucketStoreOptions;
  readonly #bucket: Bucket;

  constructor(options: BucketStoreOptions) {
    const { burst } = options.rule;
    const bucket = toBucket(options.rule);
    const common = { keyPrefix: options.name, points: burst, duration: bucket.capacityMs / 1000 };
    const insurance = options.insured ? new RateLimiterMemory(common) : undefined;
    super({
      ...common,
      storeClient: options.pool,
      storeType: "pool",
      schemaName: options.schema,
      tableName: "rate_limit",
      tableCreated: true,
      clearExpiredByTimeout: false,
      ...(insurance && { insuranceLimiter: insurance }),
    });
    this.insurance = insurance;
    this.#options = options;
    this.#bucket = bucket;
  }

  /** What `points` of a key cost. `storeKey`: the key behind the limit's name, see `getKey`. */
  draw(storeKey: string, points: number): Draw {
    const { capacityMs } = this.#bucket;
    return { key: storeKey, points, costMs: costMs(this.#bucket, points), capacityMs };
  }

  /** Called by the library for each try; what it resolves with goes to `_getRateLimiterRes`. */
  async _upsert(storeKey: string, points: number): Promise<Got> {
    const { pool, schema, onFailure } = this.#options;
    try {
      const { rows } = await pool.query<Got>({
        name: `take of ${schema}.rate_limit`,
        text: takeOne(schema, 2),
        values: [this.#now(), ...toValues(this.draw(storeKey, points))],
      });
      return rows[0] as Got;
    } catch (error) {
      onFailure(error);
      throw error;
    }
  }

  /** The library refuses when more is consumed than there is. */
  _getRateLimiterRes(_key: string, points: number, got: Got): RateLimiterRes {
    const { burst } = this.#options.rule;
    if (got.points === 0) return new RateLimiterRes(0, this.waitMs(got, points), burst + points);
    const used = Math.ceil(Math.max(0, Number(got.expire) - this.#now()) / this.#bucket.intervalMs);
    return new RateLimiterRes(Math.max(0, burst - used), 0, Math.min(used, burst));
  }
  /** How long a try that was refused has to wait. */
  waitMs({ expire }: Got, points: number): number {
    return waitMs(this.#bucket, { fullAt: Number(expire), nowMs: this.#now(), points });
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}
