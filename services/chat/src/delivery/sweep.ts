import type { CloseReason } from "@sotto/contracts/socket-events";
import type { Clock } from "@sotto/platform/clock";
import type { Logger } from "@sotto/platform/log";
import type pg from "pg";
import type { Connections } from "./connections.ts";
import type { Departures } from "./departures.ts";
import type { ConnectedDevice, DeviceConnection } from "./device-connection.ts";
import type { MailboxReader } from "./mailbox-reader.ts";
import { type DeviceState, listDeviceStates, recordNode } from "./presence-queries.ts";

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
    const page = all.slice(start, start + DEVICES_PER_QUERY);
    const states = await listDeviceStates(
      deps.pool,
      page.map(({ device }) => device.deviceId),
    );
    const byDevice = new Map(states.map((state) => [state.deviceId, state]));
    for (const connection of page) compare(deps, connection, byDevice.get(connection.device.deviceId));
  }
}

function compare(deps: SweepDeps, connection: DeviceConnection, state: DeviceState | undefined): void {
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
  if (state.connectionId !== device.connectionId) return "superseded";
  return undefined;
}

/** Ends connections whose access token has expired. */
export function closeExpired(deps: Pick<SweepDeps, "clock" | "connections">): void {
  const now = deps.clock.now();
  for (const { device, sink } of deps.connections.all())
    if (device.expiresAt <= now) sink.close("token_expired");
}
