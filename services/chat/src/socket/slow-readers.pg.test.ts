import type { Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import type { DeviceConnection } from "../delivery/device-connection.ts";

let world: ChatWorld;
let node: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
});
afterAll(() => world.close());

/** A client that is connected and takes nothing from its socket. */
async function deafClient(): Promise<DeviceConnection> {
  const [resident] = (await world.people(1)) as [Resident];
  const socket: Socket = await connect(await world.socket(node, resident));
  (socket.io.engine.transport as unknown as { ws: { pause(): void } }).ws.pause();
  const connection = node.context.connections.get(resident.deviceId);
  if (!connection) throw new Error("the client is not connected");
  return connection;
}

const GAP = "x".repeat(64 * 1024);
const MIB = 1024 * 1024;

const openSockets = () => node.context.io.engine.clientsCount;

test("a client that does not read is cut off, and what waited for it is forgotten", async () => {
  const before = openSockets();
  const connection = await deafClient();
  const { sink } = connection;
  // More than the operating system takes for it, and never more than 5 MiB: it may be cut off at any moment before that.
  const isCutOff = () => {
    if (openSockets() === before) return true;
    if (sink.unsentBytes <= 5 * MIB) sink.gap(GAP);
    return false;
  };
  await until("cut off", isCutOff, 20_000);
  expect(node.context.connections.get(connection.device.deviceId)).toBeUndefined();
});

test("a client that does not read its farewell is gone a few seconds later all the same", async () => {
  const before = openSockets();
  const connection = await deafClient();
  const { sink } = connection;
  await until("more unsent than the operating system takes", () => {
    sink.gap(GAP);
    return sink.unsentBytes > MIB;
  });
  sink.close("superseded");
  expect(openSockets()).toBe(before + 1);
  await until("gone", () => openSockets() === before);
});
