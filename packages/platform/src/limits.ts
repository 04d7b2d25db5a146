import type pg from "pg";
import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { Question } from "./db.ts";
import { type PairOutcome, takePair } from "./limit-pair.ts";
import { createLimiter, createStatementGate, type Limiter, type LimitRule, type Owed } from "./limiter.ts";
import type { Logger } from "./log.ts";

export type { LimitRule, Owed } from "./limiter.ts";

/** The limits of a service that hold across its nodes, by name. */
export interface Limits<Name extends string> {
  /**
   * Takes `points` (1 when absent) of the limit `name` for `key`, such as an account or `limitKey` of an address.
   * @throws AppError `rate_limited` with the seconds to wait; `unavailable` or `overloaded` when it closes because its
   * store is down or has too much to do.
   */
  take(name: Name, key: string, points?: number): Promise<void>;
  /** Gives back what was taken and, as it turned out, not used. A store that is down keeps it; it comes back with time. */
  giveBack(name: Name, key: string, points?: number): Promise<void>;
  /**
   * Takes a point of each, of the second only when the first has one, and has `question` answered when both had, in one
   * statement; answers the second's refusal, `rate_limited`, as a value. @throws AppError as `take`, and the refusal of
   * the first.
   */
  takeBoth<Answer>(
    first: readonly [name: Name, key: string],
    second: readonly [name: Name, key: string],
    question: Question<Answer>,
  ): Promise<PairOutcome<Answer>>;
  /**
   * What `giveBack` of a point would do to the table `rate_limit`, for a statement that does it beside something else;
   * undefined for a limit that is off.
   */
  owe(name: Name, key: string): Owed | undefined;
}

/** A rule, or "off" for a limit that lets everything pass. */
export type LimitRules<Name extends string> = Readonly<Record<Name, LimitRule | "off">>;

/** Beyond these a rule would not be what its numbers say: see `toBucket`. */
const change = z.union([
  z.literal("off"),
  z.strictObject({
    burst: z.int().min(1).max(1_000_000).optional(),
    perMinute: z.number().min(0.0001).max(60_000).optional(),
  }),
]);

/**
 * The setting RATE_LIMITS of a service: a JSON object from names of limits to what differs from `rules`, as
 * `{"sign-in.account": {"burst": 10}, "search.account": "off"}`; `"*": "off"` switches off all that are not named.
 * A burst of 0 is refused: what must not be possible at all is no matter of limits.
 */
export function rateLimits<Name extends string>(rules: Readonly<Record<Name, LimitRule>>) {
  const names = Object.keys(rules) as Name[];
  const changes = z.strictObject({
    "*": z.literal("off").optional(),
    ...(Object.fromEntries(names.map((name) => [name, change.optional()])) as Record<
      Name,
      z.ZodOptional<typeof change>
    >),
  });
  return z
    .string()
    .default("{}")
    .transform((text, context): LimitRules<Name> => {
      const changed = changes.safeParse(parseJson(text));
      if (changed.success) return merge(rules, changed.data as Changes);
      for (const { path, message } of changed.error.issues) {
        context.addIssue({ code: "custom", message: [path.join("."), message].filter(Boolean).join(": ") });
      }
      return z.NEVER;
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Change = z.infer<typeof change>;
type Changes = Readonly<Partial<Record<string, Change>>>;

function merge<Name extends string>(
  rules: Readonly<Record<Name, LimitRule>>,
  changes: Changes,
): LimitRules<Name> {
  const merged = Object.entries<LimitRule>(rules).map(([name, rule]) => {
    const change = changes[name] ?? changes["*"] ?? {};
    return [name, change === "off" ? change : fitBatch({ ...rule, ...defined(change) })];
  });
  return Object.fromEntries(merged);
}

function defined({ burst, perMinute }: Exclude<Change, "off">): Partial<LimitRule> {
  return { ...(burst !== undefined && { burst }), ...(perMinute !== undefined && { perMinute }) };
}

/** A batch larger than a part of the burst would make the limit another one. */
function fitBatch(rule: LimitRule): LimitRule {
  if (rule.batch === undefined) return rule;
  return { ...rule, batch: Math.max(1, Math.min(rule.batch, Math.floor(rule.burst / 6))) };
}

export function createLimits<Name extends string>(
  rules: LimitRules<Name>,
  deps: { pool: pg.Pool; schema: string; clock: Pick<Clock, "now">; log: Logger },
): Limits<Name> {
  const statements = createStatementGate();
  const limiters = new Map<Name, Limiter>();
  for (const [name, rule] of Object.entries(rules) as [Name, LimitRule | "off"][]) {
    if (rule !== "off") limiters.set(name, createLimiter({ ...deps, name, rule, statements }));
  }
  return {
    async take(name, key, points) {
      await limiters.get(name)?.consume(key, points);
    },
    async giveBack(name, key, points) {
      await limiters.get(name)?.giveBack(key, points);
    },
    takeBoth([first, firstKey], [second, secondKey], question) {
      const both = [
        [limiters.get(first), firstKey] as const,
        [limiters.get(second), secondKey] as const,
      ] as const;
      return takePair({ ...deps, statements }, both, question);
    },
    owe: (name, key) => limiters.get(name)?.owe(key),
  };
}

/** Rows that one statement deletes, so that none holds many locks. */
const PRUNED_AT_ONCE = 1000;

/** Deletes the rows of buckets that are full again, which are as good as absent. Answers how many there were; a chore. */
export async function pruneLimits({
  pool,
  schema,
  clock,
}: {
  pool: pg.Pool;
  schema: string;
  clock: Pick<Clock, "now">;
}): Promise<number> {
  let pruned = 0;
  for (;;) {
    const { rowCount } = await pool.query(
      `delete from ${schema}.rate_limit where key in (
         select key from ${schema}.rate_limit where expire < $1 limit ${PRUNED_AT_ONCE} for update skip locked)`,
      [clock.now().getTime()],
    );
    pruned += rowCount ?? 0;
    if ((rowCount ?? 0) < PRUNED_AT_ONCE) return pruned;
  }
}
