import type pg from "pg";
import { AppError } from "./app-error.ts";
import { type Draw, drawBoth } from "./bucket-store.ts";
import type { Clock } from "./clock.ts";
import { ask, type Question } from "./db.ts";
import { type Limiter, type StatementGate, tooMuch, toUnavailable } from "./limiter.ts";
import type { Logger } from "./log.ts";

export type PairDeps = {
  pool: pg.Pool;
  schema: string;
  /** Those of the limiters. */
  statements: StatementGate;
  clock: Pick<Clock, "now">;
  log: Logger;
};

/** A limiter, undefined when it is off, and the key to take a point of. */
export type Taken = readonly [limiter: Limiter | undefined, key: string];

/** The second's refusal, or what was answered to the question. */
export type PairOutcome<Answer> = { readonly refusal: AppError } | { readonly answer: Answer | undefined };

/**
 * Takes a point of each, of the second only when the first had one, and has the question answered when both had: as if it were
 * done one after the other, but in one statement.
 * @throws AppError the refusal of the first; `unavailable` or `overloaded` of either.
 */
export async function takePair<Answer>(
  deps: PairDeps,
  [[first, firstKey], [second, secondKey]]: readonly [Taken, Taken],
  question: Question<Answer>,
): Promise<PairOutcome<Answer>> {
  if (!first?.begin || !second?.begin) {
    const refusal = await takeInTurn([first, firstKey], [second, secondKey]);
    return refusal ? { refusal } : { answer: await ask(deps.pool, question) };
  }
  const one = first.begin(firstKey);
  if (one instanceof AppError) throw one;
  const two = second.begin(secondKey);
  if (two instanceof AppError) {
    one.end();
    await first.consume(firstKey);
    return { refusal: two };
  }
  try {
    const got = await draw(deps, { first: one.draw, second: two.draw }, question);
    const refused = one.refusal(got.first);
    if (refused) throw refused;
    const refusal = got.second && two.refusal(got.second);
    return refusal ? { refusal } : { answer: got.answer };
  } finally {
    one.end();
    two.end();
  }
}

async function draw<Answer>(
  { statements, pool, schema, clock, log }: PairDeps,
  draws: { first: Draw; second: Draw },
  question: Question<Answer>,
) {
  if (!statements.enter()) throw tooMuch();
  try {
    return await drawBoth({ pool, schema, nowMs: clock.now().getTime() }, draws, question);
  } catch (error) {
    log.warn({ err: error }, "two limiters cannot reach their store");
    throw toUnavailable(error);
  } finally {
    statements.leave();
  }
}

async function takeInTurn(
  [first, firstKey]: Taken,
  [second, secondKey]: Taken,
): Promise<AppError | undefined> {
  await first?.consume(firstKey);
  try {
    await second?.consume(secondKey);
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "rate_limited") return error;
    throw error;
  }
}
