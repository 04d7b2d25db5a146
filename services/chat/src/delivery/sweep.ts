import { limits } from "@sotto/contracts/limits";
import type { CloseReason } from "@sotto/contracts/socket-events";
import type { Clock } from "@sotto/platform/clock";
import type { Logger } from "@sotto/platform/log";
import type pg from "pg";
import type { Connections } from "./connections.ts";
import type { Departures } from "./departures.ts";
import type { ConnectedDevice, DeviceConnection } from "./device-connection.ts";
import type { MailboxReader } from "./mailbox-reader.ts";
import { type DeviceState, listDeviceStates, reclaimConnection, recordNode } from "./presence-queries.ts";

const DEVICES_PER_QUERY = 1000;

export type SweepDeps = {
  pool: pg.Pool;
  clock: Clock;
  log: Logger;
  connections: Connections;
  departures: Pick<Departures, "flush">;
  reader: Pick<MailboxReader, "request">;
  node: { id: string; name: string };
};

/**
 * Compares every connection of this node with the database: mail that no hint announced, gaps, devices that were
 * removed, connected elsewhere or lost their session. With it nothing depends on a notification.
 */
export async function sweepConnections(deps: SweepDeps): Promise<void> {
  await recordNode(deps.pool, deps.node.id, deps.node.name);
  await deps.departures.flush();
  const all = [...deps.connections.all()];
  for (let start = 0; start < all.length; start += DEVICES_PER_QUERY) {
    await compareWithDatabase(deps, all.slice(start, start + DEVICES_PER_QUERY));
  }
}

type CompareDeps = Pick<SweepDeps, "pool" | "connections" | "reader" | "node">;

/** Compares connections of this node with the database, and ends those that are over. */
export async function compareWithDatabase(
  deps: CompareDeps,
  connections: readonly DeviceConnection[],
): Promise<void> {
  const states = await listDeviceStates(
    deps.pool,
    connections.map(({ device }) => device.deviceId),
  );
  const byDevice = new Map(states.map((state) => [state.deviceId, state]));
  for (const connection of connections) {
    const state = byDevice.get(connection.device.deviceId);
    await reclaim(deps, connection.device, state);
    compare(deps, connection, state);
  }
}

function compare(deps: CompareDeps, connection: DeviceConnection, state: DeviceState | undefined): void {
  if (deps.connections.get(connection.device.deviceId) !== connection) return;
  const ended = whyEnded(connection.device, state);
  if (ended) connection.sink.close(ended);
  else if (state?.gap) connection.openGap(state.gap.toISOString());
  else {
    // Acknowledged by request, perhaps at another node.
    if (connection.gap !== undefined) connection.closeGap(connection.gap);
    if (state?.waiting) deps.reader.request(connection);
  }
}

function whyEnded(device: ConnectedDevice, state: DeviceState | undefined): CloseReason | undefined {
  if (!state) return "device_removed";
  if (state.sessionId !== device.sessionId) return "session_revoked";
  if (isElsewhere(device, state) && state.connectedNode !== null) return "superseded";
  return undefined;
}

function isElsewhere(device: ConnectedDevice, state: DeviceState): boolean {
  return state.connectionId !== device.connectionId;
}

/** Handshakes of one device may be recorded out of order: the last one recorded can be the one that was given up. */
async function reclaim(
  deps: CompareDeps,
  device: ConnectedDevice,
  state: DeviceState | undefined,
): Promise<void> {
  if (!state || state.connectionId === null || !isElsewhere(device, state) || state.connectedNode !== null)
    return;
  await reclaimConnection(deps.pool, device, deps.node.id, state.connectionId);
}

/**
 * What may wait for a client that does not read: a full window of envelopes, which is base64 on the wire, and more than
 * enough for all that else is told.
 */
const MAX_UNSENT_BYTES = 4 * limits.deliveryWindowBytes;

/** Cuts off clients that leave unread what they are sent. */
export function dropUnread({ connections, log }: Pick<SweepDeps, "connections" | "log">): void {
  for (const { device, sink } of connections.all()) {
    if (sink.unsentBytes <= MAX_UNSENT_BYTES) continue;
    log.info({ deviceId: device.deviceId }, "a client does not read what it is sent; it is cut off");
    sink.drop();
  }
}

/** Ends connections whose access token has expired. */
export function closeExpired(deps: Pick<SweepDeps, "clock" | "connections">): void {
  const now = deps.clock.now();
  for (const { device, sink } of deps.connections.all())
    if (device.expiresAt <= now) sink.close("token_expired");
}
