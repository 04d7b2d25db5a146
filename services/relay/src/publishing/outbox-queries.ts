import type { ClientBase, Pool, QueryConfig } from "pg";

/** Any constant does, as long as nothing else in the database uses it. */
const RELAY_LOCK = "7022065";

export type OutboxRow = {
  /** int8 as text: it is only handed back. */
  readonly id: string;
  readonly events: readonly unknown[];
};

/** Longest wait for an answer that takes the database no time. */
const ANSWER_MS = 2000;

/** Of the driver, and missing in its types: rejects when the answer takes longer, in milliseconds. */
type TimedQuery = QueryConfig & { query_timeout: number };

/** The lock belongs to the session: PostgreSQL lets it go when the relay dies. */
export async function tryLock(client: ClientBase): Promise<boolean> {
  const query: TimedQuery = {
    text: `select pg_try_advisory_lock(${RELAY_LOCK}) as locked`,
    query_timeout: ANSWER_MS,
  };
  const { rows } = await client.query<{ locked: boolean }>(query);
  return rows[0]?.locked === true;
}

/** Rejects when the session is gone. */
export async function sayAlive(client: ClientBase): Promise<void> {
  const query: TimedQuery = { text: "select", query_timeout: ANSWER_MS };
  await client.query(query);
}

/** Bounds of one batch. A row holds the events of one commit, from one to some hundred. */
const BATCH_ROWS = 1000;
const BATCH_BYTES = 1024 * 1024;

/**
 * The first rows by id, up to the bounds, but one row at least; `more` when others wait behind them. Transactions
 * commit out of the order of their ids: `from` must be a read horizon, never the last id that was seen. Sizes are read
 * without reading the values.
 */
export async function readRows(
  client: ClientBase,
  from: bigint,
): Promise<{ rows: OutboxRow[]; more: boolean }> {
  const { rows } = await client.query<OutboxRow & { found: string }>({
    name: "read-outbox",
    text: `
      select id::text, events, found from (
        select id, events, count(*) over () as found,
          sum(pg_column_size(events)) over (order by id) - pg_column_size(events) as bytes_before
        from (select id, events from outbox.event where id > $3 order by id limit $1) as first
      ) as sized
      where bytes_before < $2 order by sized.id`,
    values: [BATCH_ROWS, BATCH_BYTES, from],
  });
  const found = Number(rows[0]?.found ?? 0);
  return { rows, more: found > rows.length || found === BATCH_ROWS };
}

/**
 * The transactions that have written to the outbox, or are about to, and have not ended, by their virtual ids, which are
 * not used twice. An INSERT takes this lock before it draws an id.
 */
export async function listWriters(client: ClientBase): Promise<Set<string>> {
  const { rows } = await client.query<{ writer: string }>({
    name: "list-writers",
    text: `select virtualtransaction as writer from pg_locks
           where locktype = 'relation' and relation = 'outbox.event'::regclass and mode = 'RowExclusiveLock'
             and database = (select oid from pg_database where datname = current_database())`,
  });
  return new Set(rows.map(({ writer }) => writer));
}

export type ParkedEvent = { readonly event: unknown; readonly reason: string };

/** Deletes exactly these rows; what could not be published of them is parked in the same statement. */
export async function deleteRows(
  client: ClientBase,
  ids: readonly string[],
  parked: readonly ParkedEvent[],
): Promise<void> {
  if (parked.length === 0) {
    await client.query({
      name: "delete-outbox",
      text: "delete from outbox.event where id = any($1::bigint[])",
      values: [ids],
    });
    return;
  }
  await client.query(
    `with kept as (
       insert into outbox.parked (event, reason)
       select item -> 'event', item ->> 'reason' from jsonb_array_elements($2::jsonb) as item
     )
     delete from outbox.event where id = any($1::bigint[])`,
    [ids, JSON.stringify(parked)],
  );
}

/** So many rows are counted; more make no difference to anybody, and counting them all would take seconds. */
const COUNT_LIMIT = 100_000;

/** For metrics, as everything below. Rows behind `from`, a read horizon. */
export async function countRows(pool: Pool, from: bigint): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>(
    "select count(*) as rows from (select from outbox.event where id > $1 order by id limit $2) as first",
    [from, COUNT_LIMIT],
  );
  return rows[0]?.rows ?? 0;
}

/** Seconds since the first row by id was written; 0 when there is none. */
export async function findOldestAge(pool: Pool, from: bigint): Promise<number> {
  const { rows } = await pool.query<{ age: number }>(
    `select extract(epoch from clock_timestamp() - created_at)::float8 as age
     from outbox.event where id > $1 order by id limit 1`,
    [from],
  );
  return Math.max(0, rows[0]?.age ?? 0);
}

export async function countParked(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ parked: number }>(
    "select count(*) as parked from (select from outbox.parked limit $1) as first",
    [COUNT_LIMIT],
  );
  return rows[0]?.parked ?? 0;
}

export async function measureBytes(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>(
    "select pg_total_relation_size('outbox.event') as bytes",
  );
  return rows[0]?.bytes ?? 0;
}

export async function countDeadRows(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ dead: number }>(
    "select coalesce(pg_stat_get_dead_tuples('outbox.event'::regclass), 0) as dead",
  );
  return rows[0]?.dead ?? 0;
}
