import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";
import { INDEXES_ONLY } from "../indexes-only.ts";

type Tx = Transaction<ChatDatabase>;

/** First key of the advisory lock of the upkeep; the second is always 0. Other two-key locks have other first keys. */
const UPKEEP_LOCK_CLASS = 5078;

/** Expired envelopes of one device that one round drops; the next round drops more. */
const EXPIRED_PER_ROUND = 1000;

/** True when no other node does the upkeep; holds them off until the transaction ends. */
export async function tryLockUpkeep(tx: Tx): Promise<boolean> {
  // Every statement here has an index. A table that is small, or was when it was analyzed, would be read as a whole.
  for (const [name, value] of Object.entries(INDEXES_ONLY))
    await sql`select set_config(${name}, ${value}, true)`.execute(tx);
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(${UPKEEP_LOCK_CLASS}::int, 0) as held`.execute(tx);
  return rows[0]?.held === true;
}

/**
 * The next devices that have mail, in the order of their ids: one probe of the primary key for each, however many
 * envelopes it has.
 */
export async function listDevicesWithMail(tx: Tx, after: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    with recursive mailed (device_id) as (
      (select device_id from chat.envelope where device_id > ${after}::uuid order by device_id limit 1)
      union all
      select (
        select e.device_id from chat.envelope e where e.device_id > m.device_id order by e.device_id limit 1
      ) from mailed m where m.device_id is not null
    )
    select device_id from mailed where device_id is not null limit ${limit}`.execute(tx);
  return rows.map(({ device_id }) => device_id);
}

/** Drops what has been kept for too long, oldest first. The answer names the devices that lost something. */
export async function deleteExpired(tx: Tx, deviceIds: readonly string[], days: number): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    delete from chat.envelope e using (
      select d.device_id from unnest(${deviceIds}::uuid[]) d (device_id)
      cross join lateral (
        select o.message_id from chat.envelope o where o.device_id = d.device_id order by o.envelope_id limit 1
      ) oldest
      join chat.message m on m.message_id = oldest.message_id
      where m.accepted_at < now() - make_interval(days => ${days}::int)
    ) d cross join lateral (
      select o.envelope_id from (
        select f.envelope_id, f.message_id from chat.envelope f
        where f.device_id = d.device_id order by f.envelope_id limit ${EXPIRED_PER_ROUND}
      ) o
      join chat.message m on m.message_id = o.message_id
      where m.accepted_at < now() - make_interval(days => ${days}::int)
    ) expired
    where e.device_id = d.device_id and e.envelope_id = expired.envelope_id
    returning e.device_id`.execute(tx);
  return distinctDevices(rows);
}

/** The last envelope id that was given out. */
export async function getNewestEnvelopeId(tx: Tx): Promise<number> {
  const { rows } = await sql<{ newest: number | null }>`
    select pg_sequence_last_value('chat.envelope_id') as newest`.execute(tx);
  return Number(rows[0]?.newest ?? 0);
}

/**
 * Those of these devices that got mail after envelope `grownAfter` and may hold more than `keep` envelopes, for their
 * oldest and newest ids lie so far apart: two probes of the primary key for each.
 */
export async function listGrown(
  tx: Tx,
  deviceIds: readonly string[],
  { keep, grownAfter }: { keep: number; grownAfter: number },
): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    select d.device_id from unnest(${deviceIds}::uuid[]) d (device_id)
    cross join lateral (
      select n.envelope_id from chat.envelope n where n.device_id = d.device_id order by n.envelope_id desc limit 1
    ) newest
    cross join lateral (
      select o.envelope_id from chat.envelope o where o.device_id = d.device_id order by o.envelope_id limit 1
    ) oldest
    where newest.envelope_id > ${grownAfter} and newest.envelope_id - oldest.envelope_id >= ${keep}`.execute(
    tx,
  );
  return rows.map(({ device_id }) => device_id);
}

/**
 * Drops the oldest envelopes of mailboxes that hold more than `keep`. The answer names the devices that lost something.
 * Counts up to `keep` index entries for each device.
 */
export async function deleteOverflow(tx: Tx, deviceIds: readonly string[], keep: number): Promise<string[]> {
  if (deviceIds.length === 0) return [];
  const { rows } = await sql<{ device_id: string }>`
    delete from chat.envelope e using (
      select d.device_id, (
        select o.envelope_id from chat.envelope o
        where o.device_id = d.device_id order by o.envelope_id desc offset ${keep}::int limit 1
      ) as upto
      from unnest(${deviceIds}::uuid[]) d (device_id)
    ) d
    where e.device_id = d.device_id and e.envelope_id <= d.upto
    returning e.device_id`.execute(tx);
  return distinctDevices(rows);
}

function distinctDevices(rows: readonly { device_id: string }[]): string[] {
  return [...new Set(rows.map(({ device_id }) => device_id))];
}

/** Opens a gap, or a newer one, for each of these devices. */
export async function openGaps(tx: Tx, deviceIds: readonly string[]): Promise<void> {
  await sql`update chat.device set gap_at = now() where device_id = any(${deviceIds}::uuid[])`.execute(tx);
}

/** Forgets nodes that ended without saying so, a day ago or earlier. */
export async function deleteGoneNodes(tx: Tx): Promise<void> {
  await sql`delete from chat.node where seen_at < now() - interval '1 day'`.execute(tx);
}

/** Forgets limits whose window has passed. `nowMs` counts from 1970, as the limiter's own clock does. */
export async function deleteExpiredLimits(tx: Tx, nowMs: number): Promise<void> {
  await sql`delete from chat.rate_limit where expire < ${nowMs}`.execute(tx);
}
