import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

type Tx = Transaction<ChatDatabase>;

/** A node that has not been seen for so long is gone, and its devices are not connected. */
const NODE_GONE_SECONDS = 20;

/** Envelopes of one device that are looked at or counted at most: a person needs no exact figure. */
const COUNTED_AT_MOST = 1000;

/** A device that was told is told of a higher count after this time, not before. */
const REPEAT_AFTER_SECONDS = 3600;

const seconds = (count: number) => sql`make_interval(secs => ${count}::int)`;
/** Whether the node of presence `p` is alive. */
const isConnected = sql`exists (
  select from chat.node n where n.node_id = p.node_id and n.seen_at > now() - ${seconds(NODE_GONE_SECONDS)}
)`;

/** Whether message `m`, sent to a device of account `c.account_id`, is news: not its own, not read, not of a muted conversation. */
const isNews = sql`coalesce(m.sender_account_id <> c.account_id
  and (b.read_at is null or m.accepted_at > b.read_at)
  and (b.muted_until is null or b.muted_until <= now()), false)`;

/** The message of envelope `o` and what `c.account_id` says of its conversation; both may be gone. */
const messageOfEnvelope = sql`
  left join chat.message m on m.message_id = o.message_id
  left join chat.member b on b.conversation_id = m.conversation_id and b.account_id = c.account_id`;

/** The time of the database, by which what one node told is compared with what another did. */
export async function getTime(tx: Tx): Promise<Date> {
  const { rows } = await sql<{ time: Date }>`select clock_timestamp() as time`.execute(tx);
  return (rows[0] as { time: Date }).time;
}

/** The next devices that were told of waiting messages, in the order of their ids. Index: presence_told. */
export async function listTold(tx: Tx, after: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    select device_id from chat.presence where waiting_told and device_id > ${after}::uuid
    order by device_id limit ${limit}`.execute(tx);
  return rows.map(({ device_id }) => device_id);
}

/** Those devices of the accounts of `deviceIds` that were told. */
export async function listToldSiblings(tx: Tx, deviceIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    select p.device_id from unnest(${deviceIds}::uuid[]) k (device_id)
    join chat.device d on d.device_id = k.device_id
    join chat.device s on s.account_id = d.account_id
    join chat.presence p on p.device_id = s.device_id
    where p.waiting_told`.execute(tx);
  return rows.map(({ device_id }) => device_id);
}

/**
 * Takes back what was told to accounts of which somebody has been there since: whose device is connected, has been, or
 * has acknowledged or read by request. Answers the accounts. Telling needs every sign of life to be older than the grace
 * period before it: one that is younger and was not seen then has been committed since.
 */
export async function resetAttended(
  tx: Tx,
  toldIds: readonly string[],
  graceSeconds: number,
): Promise<string[]> {
  const quiet = sql`t.told_at - ${seconds(graceSeconds)}`;
  const { rows } = await sql<{ account_id: string }>`
    with attended as (
      select distinct d.account_id from unnest(${toldIds}::uuid[]) k (device_id)
      join chat.presence t on t.device_id = k.device_id
      join chat.device d on d.device_id = t.device_id
      join chat.account a on a.account_id = d.account_id
      where t.waiting_told and (a.attended_at > ${quiet} or exists (
        select from chat.device s join chat.presence p on p.device_id = s.device_id
        where s.account_id = d.account_id and (p.seen_at > ${quiet} or ${isConnected})
      ))
    ), reset as (
      update chat.presence p set waiting_told = false
      from attended join chat.device d on d.account_id = attended.account_id
      where p.device_id = d.device_id and p.waiting_told
      returning d.account_id
    )
    select distinct account_id from reset`.execute(tx);
  return rows.map(({ account_id }) => account_id);
}

export type WaitingDevice = { deviceId: string; accountId: string; waiting: number };

/**
 * Marks devices as told that have news, and answers them with how much there is. Left out are accounts of which a device
 * is connected or has shown itself within the grace period: it may be fetching the mail just now. News is what has waited
 * for longer than that, lies above the mark of the device, and is not read, muted or the account's own. The caller holds
 * the upkeep's lock, so that nobody else marks them meanwhile.
 *
 * Envelope ids commit out of order: one that commits after the mark has passed its id is not told of by itself. It is
 * counted with the next that is, and delivered like any other.
 */
export async function markTold(
  tx: Tx,
  deviceIds: readonly string[],
  { graceSeconds, exceptAccounts }: { graceSeconds: number; exceptAccounts: readonly string[] },
): Promise<WaitingDevice[]> {
  const quiet = sql`now() - ${seconds(graceSeconds)}`;
  const { rows } = await sql<WaitingDevice>`
    with candidate as (
      select d.device_id, d.account_id, d.last_seen_at, t.told_waiting, newest.envelope_id as newest,
        coalesce(t.told_envelope_id, 0) as mark, coalesce(t.waiting_told, false) as is_told
      from unnest(${deviceIds}::uuid[]) k (device_id)
      join chat.device d on d.device_id = k.device_id
      join chat.account a on a.account_id = d.account_id
      left join chat.presence t on t.device_id = d.device_id
      cross join lateral (
        select o.envelope_id from chat.envelope o where o.device_id = d.device_id order by o.envelope_id desc limit 1
      ) newest
      where newest.envelope_id > coalesce(t.told_envelope_id, 0)
        and not (coalesce(t.waiting_told, false) and t.told_at > now() - ${seconds(REPEAT_AFTER_SECONDS)})
        and d.account_id <> all(${exceptAccounts}::uuid[])
        and coalesce(a.attended_at <= ${quiet}, true)
        and not exists (
          select from chat.device s join chat.presence p on p.device_id = s.device_id
          where s.account_id = d.account_id and (p.seen_at > ${quiet} or ${isConnected})
          offset 0 -- keeps the planner from joining all presence at once
        )
    ), looked as (
      select c.*, l.seen_to, l.has_news from candidate c cross join lateral (
        select coalesce(min(o.envelope_id) filter (where m.accepted_at > ${quiet}) - 1, max(o.envelope_id)) as seen_to,
          coalesce(bool_or(${isNews}) filter (where m.accepted_at <= ${quiet}), false) as has_news
        from (
          select f.envelope_id, f.message_id from chat.envelope f
          where f.device_id = c.device_id and f.envelope_id > c.mark order by f.envelope_id limit ${COUNTED_AT_MOST}
        ) o ${messageOfEnvelope}
      ) l where l.has_news or l.seen_to > c.mark
    ), counted as (
      select c.*, case when c.has_news then (
        select greatest(1, count(*) filter (where ${isNews}))::int from (
          select f.message_id from chat.envelope f
          where f.device_id = c.device_id order by f.envelope_id desc limit ${COUNTED_AT_MOST}
        ) o ${messageOfEnvelope}
      ) end as waiting
      from looked c
    ), judged as (
      select c.*, c.has_news and (not c.is_told or c.waiting > c.told_waiting) as tells from counted c
    ), marked as (
      insert into chat.presence as p
        (device_id, connection_id, seen_at, waiting_told, told_envelope_id, told_waiting, told_at)
      select device_id, '00000000-0000-0000-0000-000000000000', least(last_seen_at, ${quiet}), tells,
        case when has_news then newest else seen_to end, waiting, case when has_news then now() end
      from judged
      on conflict (device_id) do update set
        waiting_told = p.waiting_told or excluded.waiting_told,
        told_envelope_id = excluded.told_envelope_id,
        told_waiting = greatest(excluded.told_waiting, case when p.waiting_told then p.told_waiting end),
        told_at = coalesce(excluded.told_at, p.told_at)
      where p.seen_at <= ${quiet} and not ${isConnected}
      returning device_id
    )
    select j.device_id as "deviceId", j.account_id as "accountId", j.waiting
    from marked join judged j on j.device_id = marked.device_id where j.tells`.execute(tx);
  return rows;
}
