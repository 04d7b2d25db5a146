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
};

/** A pool that gives up on an unreachable database after 5 s, and logs errors of idle connections. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? 15_000,
    idle_in_transaction_session_timeout: 30_000,
    types,
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on("error", (error) => options.log.warn({ err: error }, "an idle database connection was lost"));
  return pool;
}

export type Database<DB> = { db: Kysely<DB>; pool: pg.Pool; close(): Promise<void> };

export function createDatabase<DB>(options: PoolOptions): Database<DB> {
  const pool = createPool(options);
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  return { db, pool, close: () => db.destroy() };
}

/** What a query function takes when it works in a transaction and outside of one. */
export type Executor<DB> = Kysely<DB> | Transaction<DB>;

/** Asks the database for an answer; for readiness. */
export async function checkDatabase(pool: pg.Pool): Promise<void> {
  await pool.query("select 1");
}
