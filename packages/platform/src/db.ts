import { Kysely, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import type { Logger } from "./log.ts";

const INT8_OID = 20;
/** Identity columns and counts: far below 2^53 for the life of a server. */
const types = new pg.TypeOverrides();
types.setTypeParser(INT8_OID, (text: string) => Number(text));

export type PoolOptions = {
  url: string;
  max: number;
  applicationName: string;
  log: Logger;
  /** Longest run of one statement, in milliseconds. */
  statementTimeoutMs?: number;
  /** Settings of every session of this pool, as in `-c name=value`. */
  settings?: Readonly<Record<string, string>>;
  /** Sends a statement without waiting for the answer to the one before it; whoever awaits each has what there is without. */
  pipeline?: boolean;
};

const STATEMENT_TIMEOUT_MS = 15_000;
/** How much longer than the server a client waits for an answer, as a share of the server's time. */
const QUERY_TIMEOUT_FACTOR = 4 / 3;
const KEEPALIVE_AFTER_MS = 10_000;

/**
 * A pool that gives up on an unreachable database after 5 s, and on a statement that nobody answers some seconds after
 * the server would have ended it: behind a broken network the server's own limit is never heard of.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: Math.ceil(statementTimeoutMs * QUERY_TIMEOUT_FACTOR),
    idle_in_transaction_session_timeout: 30_000,
    types,
    pipeline: options.pipeline ?? false,
    options: Object.entries(options.settings ?? {})
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(" "),
  });
  // Without listeners the loss of a connection would end the process: the pool's for idle ones,
  // the client's own for those that are checked out between two statements.
  pool.on("error", (error) => options.log.warn({ err: error }, "an idle database connection was lost"));
  pool.on("connect", (client) => {
    endWhenUnanswered(client as unknown as pg.Client);
    client.on("error", (error) => options.log.warn({ err: error }, "a database connection was lost"));
  });
  return pool;
}

/**
 * A connection that left a statement unanswered is of no use: the next one would wait behind it. The pool takes only
 * those out that are given back with an error, which Kysely does not do.
 */
function endWhenUnanswered(client: pg.Client): void {
  const query = client.query.bind(client) as (...values: unknown[]) => unknown;
  client.query = ((...values: unknown[]) => {
    const answer = query(...values);
    if (answer instanceof Promise)
      answer.catch((error: unknown) => {
        if (error instanceof Error && error.message === "Query read timeout") void client.end();
      });
    return answer;
  }) as typeof client.query;
}

export type Database<DB> = { db: Kysely<DB>; pool: pg.Pool; close(): Promise<void> };

export function createDatabase<DB>(options: PoolOptions): Database<DB> {
  const pool = createPool(options);
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  return { db, pool, close: () => db.destroy() };
}

/** What a query function takes when it works in a transaction and outside of one. */
export type Executor<DB> = Kysely<DB> | Transaction<DB>;

/** A select of one row, or none, that can be asked by itself or along with something else. */
export type Question<Answer> = {
  /** Of the statement, for whoever prepares it. */
  readonly name: string;
  /** Its values are those from `$at` on. */
  text(at: number): string;
  readonly values: readonly unknown[];
  read(row: object): Answer;
};

/** Asks a question by itself. */
export async function ask<Answer>(
  pool: pg.Pool,
  { name, text, values, read }: Question<Answer>,
): Promise<Answer | undefined> {
  const { rows } = await pool.query<object>({ name, text: text(1), values: [...values] });
  return rows[0] && read(rows[0]);
}

/** Asks the database for an answer; for readiness. */
export async function checkDatabase(pool: pg.Pool): Promise<void> {
  await pool.query("select 1");
}
