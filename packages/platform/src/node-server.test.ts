import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { limits } from "@sotto/contracts/limits";
import { afterEach, expect, test } from "vitest";
import { createApp } from "./http.ts";
import { createLogger } from "./log.ts";
import { type Serving, startServer } from "./node-server.ts";

const log = createLogger({ service: "test", level: "silent" });

const servers: Serving[] = [];
afterEach(() => Promise.all(servers.splice(0).map((serving) => serving.stop())));

async function serve(): Promise<AddressInfo> {
  const app = createApp({ log });
  app.post("/", async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
  const serving = await startServer(
    { host: "127.0.0.1", port: 0, log },
    { fetch: app.fetch, close: async () => undefined },
  );
  servers.push(serving);
  return serving.address;
}

/** Sends chunks without end, as fast as they are taken, until the server ends the connection. */
async function sendEndlessly({ port }: AddressInfo): Promise<{ answer: string }> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
  });
  // The server is free to cut off a client that does not stop.
  socket.on("error", () => undefined);
  socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
  const send = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", send);
  send();
  await new Promise((resolve) => socket.once("close", resolve));
  return { answer };
}

test("a body without end is answered with 413, and its connection is ended", async () => {
  const address = await serve();
  const before = process.memoryUsage().arrayBuffers;
  const { answer } = await sendEndlessly(address);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"code":"payload_too_large"');
  // What was sent is thrown away, not kept: the margin is for what the sockets themselves hold.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * limits.bodyBytes);
});

test("a chunked body within the limit arrives whole", async () => {
  const { port } = await serve();
  const body = new Blob(["x".repeat(limits.bodyBytes - 1), "y"]).stream();
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    body,
    duplex: "half",
  } as RequestInit);
  expect(await response.text()).toBe(String(limits.bodyBytes));
});

test("a length that is too large is refused before anything is sent", async () => {
  const { port } = await serve();
  const socket = connect(port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
  const [answer] = (await once(socket.setEncoding("latin1"), "data")) as [string];
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
});

test("a port that is taken is an error of the start", async () => {
  const { port } = await serve();
  const second = startServer(
    { host: "127.0.0.1", port, log },
    { fetch: () => new Response(), close: async () => undefined },
  );
  await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a service that cannot finish what it began still releases what it works with", async () => {
  let closed = false;
  const serving = await startServer(
    { host: "127.0.0.1", port: 0, log },
    {
      fetch: () => new Response(),
      drain: () => Promise.reject(new Error("the broker is gone")),
      close: async () => {
        closed = true;
      },
    },
  );
  await serving.stop();
  expect(closed).toBe(true);
});

test("a connection that its client never ends is ended by the stop, an upgraded one too", async () => {
  const serving = await startServer(
    { host: "127.0.0.1", port: 0, log },
    {
      fetch: () => new Response(),
      attach: (server) =>
        server.on("upgrade", (_request, socket) =>
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
        ),
      close: async () => undefined,
    },
  );
  const upgraded = connect(serving.address.port, "127.0.0.1");
  upgraded.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const silent = connect(serving.address.port, "127.0.0.1");
  await Promise.all([once(upgraded, "data"), once(silent, "connect")]);
  const ended = [upgraded, silent].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  await serving.stop();
  await Promise.all(ended);
});
