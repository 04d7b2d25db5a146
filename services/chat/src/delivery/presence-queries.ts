import type pg from "pg";

export type DeviceState = {
  deviceId: string;
  accountId: string;
  sessionId: string | null;
  connectionId: string | null;
  /** The node of that connection; null once it has ended. */
  connectedNode: string | null;
  gap: Date | null;
  waiting: boolean;
};

/**
 * A connection that was recorded after this handshake began is newer: the device gave this one up. A time that is still
 * to come is of a clock that was set back, and keeps nobody out.
 */
const RECORD_CONNECTION = `
with device as (
  select device_id, gap_at from chat.device where device_id = $1 and account_id = $2 and session_id = $3
), recorded as (
  insert into chat.presence as p (device_id, connection_id, node_id)
  select device_id, $4, $5 from device
  on conflict (device_id) do update
    set connection_id = excluded.connection_id, node_id = excluded.node_id, seen_at = now()
    where p.node_id is null or p.seen_at <= now() - make_interval(secs => $6::float8 / 1000)
      or p.seen_at > clock_timestamp()
  returning 1
)
select gap_at, exists (select from recorded) from device`;

export type NewConnection = {
  deviceId: string;
  accountId: string;
  sessionId: string;
  connectionId: string;
  nodeId: string;
};

/**
 * Records that a device is connected here. `sinceMs` answers for how long the handshake has been under way.
 * Undefined when the device is not bound to this session; `isOutdone` when it has connected anew meanwhile.
 */
export async function recordConnection(
  pool: pg.Pool,
  device: NewConnection,
  sinceMs: () => number,
): Promise<{ gap: Date | null; isOutdone: boolean } | undefined> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    const { rows } = await client.query<[Date | null, boolean]>({
      name: "record-connection",
      text: RECORD_CONNECTION,
      // Asked only now: the wait for a connection counts as well.
      values: [
        device.deviceId,
        device.accountId,
        device.sessionId,
        device.connectionId,
        device.nodeId,
        sinceMs(),
      ],
      rowMode: "array",
    });
    return rows[0] ? { gap: rows[0][0], isOutdone: !rows[0][1] } : undefined;
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

const RECORD_DISCONNECTIONS = `
update chat.presence p set node_id = null, seen_at = now()
from unnest($1::uuid[], $2::uuid[]) k (device_id, connection_id)
where p.device_id = k.device_id and p.connection_id = k.connection_id`;

/** Records that connections have ended, but for devices that have connected anew. */
export async function recordDisconnections(
  pool: pg.Pool,
  ended: readonly { deviceId: string; connectionId: string }[],
): Promise<void> {
  await pool.query({
    name: "record-disconnections",
    text: RECORD_DISCONNECTIONS,
    values: [ended.map(({ deviceId }) => deviceId), ended.map(({ connectionId }) => connectionId)],
  });
}

const RECLAIM_CONNECTION = `
update chat.presence set connection_id = $2, node_id = $3, seen_at = now()
where device_id = $1 and connection_id = $4 and node_id is null`;

/** Puts a living connection in the place of one that was recorded after it and has ended. */
export async function reclaimConnection(
  pool: pg.Pool,
  device: { deviceId: string; connectionId: string },
  nodeId: string,
  endedConnectionId: string,
): Promise<void> {
  await pool.query({
    name: "reclaim-connection",
    text: RECLAIM_CONNECTION,
    values: [device.deviceId, device.connectionId, nodeId, endedConnectionId],
  });
}

const NOTE_ATTENDANCE = `
update chat.account set attended_at = now()
where account_id = $1 and (attended_at is null or attended_at < now() - interval '1 second')`;

/**
 * Somebody of the account is there, without a connection. To the second, which is the least that telling of waiting mail
 * waits for: whoever acknowledges much writes little.
 */
export async function noteAttendance(pool: pg.Pool, accountId: string): Promise<void> {
  await pool.query({ name: "note-attendance", text: NOTE_ATTENDANCE, values: [accountId] });
}

const LIST_STATES = `
select d.device_id as "deviceId", d.account_id as "accountId", d.session_id as "sessionId",
  p.connection_id as "connectionId", p.node_id as "connectedNode", d.gap_at as gap,
  exists (select from chat.envelope e where e.device_id = d.device_id) as waiting
from unnest($1::uuid[]) k (device_id)
join chat.device d on d.device_id = k.device_id
left join chat.presence p on p.device_id = d.device_id`;

/** What the database knows of these devices; a removed device is absent. */
export async function listDeviceStates(pool: pg.Pool, deviceIds: readonly string[]): Promise<DeviceState[]> {
  const { rows } = await pool.query<DeviceState>({
    name: "list-states",
    text: LIST_STATES,
    values: [deviceIds],
  });
  return rows;
}

const RECORD_NODE = `
insert into chat.node (node_id, name) values ($1, $2) on conflict (node_id) do update set seen_at = now()`;

/** Says that this node is alive. */
export async function recordNode(pool: pg.Pool, nodeId: string, name: string): Promise<void> {
  await pool.query({ name: "record-node", text: RECORD_NODE, values: [nodeId, name] });
}

/** Says that this node has ended, and with it the connections it had. */
export async function deleteNode(pool: pg.Pool, nodeId: string): Promise<void> {
  await pool.query("update chat.presence set node_id = null, seen_at = now() where node_id = $1", [nodeId]);
  await pool.query("delete from chat.node where node_id = $1", [nodeId]);
}

const CLOSE_GAP = `
with closed as (
  update chat.device set gap_at = null
  where device_id = $1 and date_trunc('milliseconds', gap_at) = $2::timestamptz
  returning 1
)
select exists (select from closed) or gap_at is null from chat.device where device_id = $1`;

/** Takes note that the device knows of this gap; false when another one is open. */
export async function closeGap(pool: pg.Pool, deviceId: string, gap: string): Promise<boolean> {
  const { rows } = await pool.query<[boolean]>({
    name: "close-gap",
    text: CLOSE_GAP,
    values: [deviceId, gap],
    rowMode: "array",
  });
  return rows[0]?.[0] === true;
}
