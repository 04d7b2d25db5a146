import { setTimeout as sleep } from "node:timers/promises";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import type { Logger } from "@sotto/platform/log";
import type pg from "pg";
import type { ChatMetrics } from "../chat-metrics.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { getEnvelopes, listWaiting, type WantedEnvelope } from "./mailbox-queries.ts";

/** Devices in one read, and envelopes in one: together they bound the memory of a read. */
const DEVICES_PER_READ = 256;
const ENVELOPES_PER_READ = 512;
/** So that one device with much mail leaves room for the others, and its backlog is not listed again and again. */
const ENVELOPES_PER_DEVICE = 64;
/** A pause after a failed read; the database is probably away. */
const RETRY_MS = 500;

export interface MailboxReader {
  /** Asks for a read of this connection's mailbox; many requests make one read. */
  request(connection: DeviceConnection): void;
  /** Reads nothing more. Resolves when a read that is under way has ended. */
  close(): Promise<void>;
}

type ReaderDeps = {
  pool: pg.Pool;
  log: Logger;
  nextTick: () => number;
  figures: Pick<ChatMetrics, "deliveries" | "readSeconds">;
};

/** Reads the mailboxes of connected devices, one read for all that ask, one at a time. */
export function createMailboxReader(deps: ReaderDeps): MailboxReader {
  const wanted = new Set<DeviceConnection>();
  let state: "idle" | "running" | "closed" = "idle";
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (wanted.size > 0 && state === "running") await readWanted(deps, wanted);
    if (state === "running") state = "idle";
  }

  return {
    request(connection) {
      connection.requestRead();
      if (!connection.wantsRead) return;
      wanted.add(connection);
      if (state !== "idle") return;
      state = "running";
      // Not at once, so that requests which arrive together share a read.
      setImmediate(() => {
        running = run();
      });
    },
    async close() {
      state = "closed";
      await running;
    },
  };
}

async function readWanted(deps: ReaderDeps, wanted: Set<DeviceConnection>): Promise<void> {
  const connections = takeReady(wanted);
  const read = await readOnce(deps, connections);
  // In the opposite order: what this read had no place left for is first in the next.
  for (const connection of connections.toReversed()) if (connection.wantsRead) wanted.add(connection);
  if (!read) await sleep(RETRY_MS);
}

function takeReady(wanted: Set<DeviceConnection>): DeviceConnection[] {
  const ready: DeviceConnection[] = [];
  for (const connection of wanted) {
    if (ready.length === DEVICES_PER_READ) break;
    wanted.delete(connection);
    if (connection.wantsRead) ready.push(connection);
  }
  return ready;
}

type Plan = { connection: DeviceConnection; take: number[]; gone: number[]; more: boolean };

/** False when the read failed; the connections then want another. */
async function readOnce(deps: ReaderDeps, connections: readonly DeviceConnection[]): Promise<boolean> {
  if (connections.length === 0) return true;
  const tick = deps.nextTick();
  for (const connection of connections) connection.beginRead(tick);
  const endTimer = deps.figures.readSeconds.startTimer();
  try {
    const listed = connections.map(toListed);
    const plans = planReads(connections, listed, await listWaiting(deps.pool, listed));
    const wanted = plans.flatMap(({ connection, take }) => take.map((id) => toWanted(connection, id)));
    const found = wanted.length === 0 ? [] : await getEnvelopes(deps.pool, wanted);
    const byDevice = groupByDevice(found);
    for (const { connection, take, gone, more } of plans) {
      const envelopes = byDevice.get(connection.device.deviceId) ?? [];
      // Fewer than asked for: acknowledged meanwhile, or the window is full of bytes.
      connection.endRead({ found: envelopes, gone, more: more || envelopes.length < take.length });
    }
    deps.figures.deliveries.inc({ way: "read" }, found.length);
    return true;
  } catch (error) {
    for (const connection of connections) connection.failRead();
    deps.log.warn({ err: error }, "mailboxes could not be read; trying again");
    return false;
  } finally {
    endTimer();
  }
}

function toWanted({ device, roomBytes }: DeviceConnection, envelopeId: number): WantedEnvelope {
  return { deviceId: device.deviceId, envelopeId, roomBytes };
}

/** Past what is in flight, one more than a device may take now: a full answer tells that there is more. */
function toListed({ device, inFlight, room }: DeviceConnection): { deviceId: string; most: number } {
  return { deviceId: device.deviceId, most: inFlight.size + Math.min(room, ENVELOPES_PER_DEVICE) + 1 };
}

/** What to fetch for each connection, within its window and within the size of one read. */
function planReads(
  connections: readonly DeviceConnection[],
  listed: readonly { deviceId: string; most: number }[],
  waiting: ReadonlyMap<string, number[]>,
): Plan[] {
  let left = ENVELOPES_PER_READ;
  return connections.map((connection, index) => {
    const stored = waiting.get(connection.device.deviceId) ?? [];
    const fresh = stored.filter((id) => !connection.inFlight.has(id));
    const take = fresh.slice(0, Math.min(connection.room, ENVELOPES_PER_DEVICE, left));
    left -= take.length;
    const complete = stored.length < (listed[index]?.most ?? 0);
    return {
      connection,
      take,
      gone: complete ? notStored(connection.inFlight, stored) : [],
      more: take.length < fresh.length || !complete,
    };
  });
}

function notStored(inFlight: DeviceConnection["inFlight"], stored: readonly number[]): number[] {
  const present = new Set(stored);
  return [...inFlight.keys()].filter((id) => !present.has(id));
}

function groupByDevice(
  found: readonly { deviceId: string; envelope: InboxEnvelope }[],
): Map<string, InboxEnvelope[]> {
  const groups = new Map<string, InboxEnvelope[]>();
  for (const { deviceId, envelope } of found) {
    const group = groups.get(deviceId);
    if (group) group.push(envelope);
    else groups.set(deviceId, [envelope]);
  }
  return groups;
}
