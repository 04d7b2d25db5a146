import type pg from "pg";
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Clock } from "./clock.ts";
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

type Row = { readonly points: number; readonly expire: string | number };

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

  /** Called by the library for each try; what it resolves with goes to `_getRateLimiterRes`. */
  async _upsert(key: string, points: number): Promise<Row> {
    const { pool, schema, onFailure } = this.#options;
    const cost = costMs(this.#bucket, points);
    try {
      const { rows } = await pool.query<Row>({
        name: `take of ${schema}.rate_limit`,
        text: `
          insert into ${schema}.rate_limit as held (key, points, expire) values ($1, $2, $3::bigint + $4::bigint)
          on conflict (key) do update set
            points = case when greatest(held.expire, $3) + $4 <= $3 + $5::bigint then $2 else 0 end,
            expire = case when greatest(held.expire, $3) + $4 <= $3 + $5::bigint
              then greatest(held.expire, $3) + $4 else held.expire end
          returning points, expire`,
        values: [key, points, this.#now(), cost, this.#bucket.capacityMs],
      });
      return rows[0] as Row;
    } catch (error) {
      onFailure(error);
      throw error;
    }
  }

  /** The library refuses when more is consumed than there is. */
  _getRateLimiterRes(_key: string, points: number, { points: got, expire }: Row): RateLimiterRes {
    const { burst } = this.#options.rule;
    const held = { fullAt: Number(expire), nowMs: this.#now(), points };
    if (got === 0) return new RateLimiterRes(0, waitMs(this.#bucket, held), burst + points);
    const used = Math.ceil(Math.max(0, held.fullAt - held.nowMs) / this.#bucket.intervalMs);
    return new RateLimiterRes(Math.max(0, burst - used), 0, Math.min(used, burst));
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}
