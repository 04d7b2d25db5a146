import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket as Stream } from "node:net";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import type { Socket } from "socket.io";
import { io } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { coalesceWrites } from "./coalesce-writes.ts";
import { createSocketServer } from "./server.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Both ends of one connection, whose writes are coalesced. */
async function connectPair() {
  const server = http.createServer().listen(0, "127.0.0.1");
  const sockets = createSocketServer({ corsOrigins: [] });
  sockets.attach(server);
  closers.push(() => sockets.close());
  await once(server, "listening");
  const connected = new Promise<Socket>((resolve) => sockets.on("connection", resolve));
  const { port } = server.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}`, { path: SOCKET_PATH, transports: ["websocket"] });
  closers.push(() => client.close());
  const socket = await connected;
  await once(client as never, "connect");
  coalesceWrites(socket);
  return { client, socket, stream: socket.conn.request.socket };
}

/** Counts how often the stream asks the operating system to write. */
function countWrites(stream: Stream): () => number {
  let count = 0;
  const raw = stream as unknown as Record<"_write" | "_writev", (...values: unknown[]) => unknown>;
  for (const name of ["_write", "_writev"] as const) {
    const write = raw[name];
    raw[name] = (...values) => {
      count += 1;
      return write.apply(stream, values);
    };
  }
  return () => count;
}

test("what a device is sent in one turn leaves by one system call, in its order", async () => {
  const { client, socket, stream } = await connectPair();
  const got: unknown[] = [];
  client.onAny((name) => got.push(name));
  const writes = countWrites(stream);
  socket.emit("a");
  socket.emit("b", "x".repeat(10_000));
  await Promise.resolve();
  socket.emit("c");
  await expect.poll(() => got).toEqual(["a", "b", "c"]);
  expect(writes()).toBe(1);
  socket.emit("d");
  await expect.poll(() => got).toEqual(["a", "b", "c", "d"]);
  expect(writes()).toBe(2);
});

test("a client that takes nothing has what follows held back by Engine.IO", async () => {
  const { client, socket } = await connectPair();
  const { ws } = client.io.engine.transport as unknown as { ws: { pause(): void; terminate(): void } };
  closers.push(() => ws.terminate());
  ws.pause();
  await expect
    .poll(() => {
      socket.emit("much", "x".repeat(1_000_000));
      return socket.conn.transport.writable;
    })
    .toBe(false);
});
