import type { CloseReason } from "@sotto/contracts/socket-events";
import type { DeviceSession } from "../devices/device-context.ts";
import { type ConnectedDevice, type ConnectionSink, DeviceConnection } from "./device-connection.ts";

/** The devices that are connected to this node, one connection each. */
export interface Connections {
  /** Registers a connection; the one that it replaces is returned, still open. */
  add(
    device: ConnectedDevice,
    sink: ConnectionSink,
  ): { connection: DeviceConnection; replaced: DeviceConnection | undefined };
  /** Forgets a connection, unless another of the same device has replaced it. */
  remove(connection: DeviceConnection): void;
  get(deviceId: string): DeviceConnection | undefined;
  /** Closes the connection of a device when it is of this session, and no newer one of another. */
  close(ended: DeviceSession, reason: CloseReason): void;
  ofAccount(accountId: string): Iterable<DeviceConnection>;
  all(): Iterable<DeviceConnection>;
  readonly size: number;
  /** The next position in this node's sequence of connections and reads. */
  nextTick(): number;
}

const NONE: ReadonlySet<DeviceConnection> = new Set();

export function createConnections(): Connections {
  const byDevice = new Map<string, DeviceConnection>();
  const byAccount = new Map<string, Set<DeviceConnection>>();
  let tick = 0;

  function forgetAccount(connection: DeviceConnection): void {
    const { accountId } = connection.device;
    const others = byAccount.get(accountId);
    others?.delete(connection);
    if (others?.size === 0) byAccount.delete(accountId);
  }

  return {
    add(device, sink) {
      tick += 1;
      const connection = new DeviceConnection(device, tick, sink);
      const replaced = byDevice.get(device.deviceId);
      if (replaced) forgetAccount(replaced);
      byDevice.set(device.deviceId, connection);
      const siblings = byAccount.get(device.accountId);
      if (siblings) siblings.add(connection);
      else byAccount.set(device.accountId, new Set([connection]));
      return { connection, replaced };
    },
    remove(connection) {
      connection.close();
      if (byDevice.get(connection.device.deviceId) !== connection) return;
      byDevice.delete(connection.device.deviceId);
      forgetAccount(connection);
    },
    get: (deviceId) => byDevice.get(deviceId),
    close({ deviceId, sessionId }, reason) {
      const connection = byDevice.get(deviceId);
      if (connection?.device.sessionId === sessionId) connection.sink.close(reason);
    },
    ofAccount: (accountId) => byAccount.get(accountId) ?? NONE,
    all: () => byDevice.values(),
    get size() {
      return byDevice.size;
    },
    nextTick() {
      tick += 1;
      return tick;
    },
  };
}
