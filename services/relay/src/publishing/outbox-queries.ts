import type { ClientBase, Pool } from "pg";

/** Any constant does, as long as nothing else in the database uses it. */
const RELAY_LOCK = "7022065";

export type OutboxRow = {
  /** int8 as text: it is only handed back. */
  readonly id: string;
  readonly events: readonly unknown[];
};

/** The lock belongs to the session: PostgreSQL lets it go when the relay dies. */
export async function tryLock(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${RELAY_LOCK}) as locked`,
  );
  return rows[0]?.locked === true;
}

/** Bounds of one batch. A row holds the events of one commit, from one to some hundred. */
const BATCH_ROWS = 1000;
const BATCH_BYTES = 1024 * 1024;

/**
 * The first rows by id, up to the bounds, but one row at least; `more` when others wait behind them. Transactions
 * commit out of the order of their ids, so this never starts from a remembered id: a row that appears late is
 * simply the first one next time. Sizes are read without reading the values.
 */
export async function readRows(client: ClientBase): Promise<{ rows: OutboxRow[]; more: boolean }> {
  const { rows } = await client.query<OutboxRow & { found: string }>({
    name: "read-outbox",
    text: `
      select id::text, events, found from (
        select id, events, count(*) over () as found,
          sum(pg_column_size(events)) over (order by id) - pg_column_size(events) as bytes_before
        from (select id, events from outbox.event order by id limit $1) as first
      ) as sized
      where bytes_before < $2 order by sized.id`,
    values: [BATCH_ROWS, BATCH_BYTES],
  });
  const found = Number(rows[0]?.found ?? 0);
  return { rows, more: found > rows.length || found === BATCH_ROWS };
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

/** For metrics. Reads the whole table, which is short unless the broker is away. */
export async function countRows(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ rows: number }>("select count(*) as rows from outbox.event");
  return rows[0]?.rows ?? 0;
}

/** Seconds since the first row by id was written; 0 when there is none. */
export async function findOldestAge(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ age: number }>(
    `select extract(epoch from clock_timestamp() - created_at)::float8 as age
     from outbox.event order by id limit 1`,
  );
  return Math.max(0, rows[0]?.age ?? 0);
}
