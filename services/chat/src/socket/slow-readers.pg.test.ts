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

/** Tells a client that reads nothing as much as the operating system takes for it, and `mib` more. */
async function fill({ sink }: DeviceConnection, mib: number): Promise<void> {
  const gap = "x".repeat(64 * 1024);
  await until("more unsent than is taken", () => {
    sink.gap(gap);
    return sink.unsentBytes > mib * 1024 * 1024;
  });
}

const openSockets = () => node.context.io.engine.clientsCount;

test("a client that does not read is cut off, and what waited for it is forgotten", async () => {
  const before = openSockets();
  const connection = await deafClient();
  await fill(connection, 5);
  await until("cut off", () => openSockets() === before);
  expect(node.context.connections.get(connection.device.deviceId)).toBeUndefined();
});

test("a client that does not read its farewell is gone a few seconds later all the same", async () => {
  const before = openSockets();
  const connection = await deafClient();
  await fill(connection, 1);
  connection.sink.close("superseded");
  expect(openSockets()).toBe(before + 1);
  await until("gone", () => openSockets() === before);
});
