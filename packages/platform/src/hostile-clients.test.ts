// What a client can write on a connection, over real sockets.
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { createApp } from "./http.ts";
import { createLogger } from "./log.ts";
import { type Serving, startServer } from "./node-server.ts";

const log = createLogger({ service: "test", level: "silent" });
const servers: Serving[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((serving) => serving.stop()));
});

/** Short enough to be waited for. */
const IMPATIENT = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };

async function serve(bounds = {}): Promise<AddressInfo> {
  const app = createApp({ log });
  app.get("/", (c) => c.text(`GET ${new URL(c.req.url).host}`));
  app.post("/", async (c) => c.text(`POST ${(await c.req.text()).length}`));
  const options = { host: "127.0.0.1", port: 0, log, bounds };
  const serving = await startServer(options, { fetch: app.fetch, close: async () => undefined });
  servers.push(serving);
  return serving.address;
}

function open({ port }: AddressInfo, begin = ""): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  // The server is free to cut a connection off.
  socket.on("error", () => undefined);
  sockets.push(socket);
  socket.write(begin);
  return socket;
}

/** Everything that the server answers until it ends the connection. */
async function send(request: string, bounds = {}): Promise<string> {
  const socket = open(await serve(bounds), request);
  return text(socket);
}

const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** With the header that makes the server end the connection after its answer. */
const request = (line: string, headers: readonly string[], body = ""): string =>
  [line, "Host: localhost", "Connection: close", ...headers, "", body].join("\r\n");

describe("requests of which a proxy and a server could read different things", () => {
  const CHUNKED = "Transfer-Encoding: chunked";
  const smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

  test.each([
    ["a length and chunks", ["Content-Length: 5", CHUNKED], smuggled],
    ["chunks and a length", [CHUNKED, "Content-Length: 5"], smuggled],
    ["two lengths", ["Content-Length: 5", "Content-Length: 6"], "123456"],
    ["two lengths in one header", ["Content-Length: 5, 6"], "123456"],
    ["a length with a sign", ["Content-Length: +5"], "12345"],
    ["a length below zero", ["Content-Length: -1"], "1"],
    ["a length in hex", ["Content-Length: 0x5"], "12345"],
    ["chunks that are not the last coding", ["Transfer-Encoding: chunked, identity"], smuggled],
    ["an unknown coding", ["Transfer-Encoding: xchunked"], smuggled],
    ["a blank before the colon", ["Transfer-Encoding : chunked"], smuggled],
    ["a header folded over two lines", ["X-A: a\r\n Transfer-Encoding: chunked"], smuggled],
    ["a line that is no header", ["garbage"], ""],
    ["a NUL in a header", ["X-A: a\0b"], ""],
    ["a bare line feed in a header", ["X-A: a\nTransfer-Encoding: chunked"], smuggled],
    ["a chunk size that is none", [CHUNKED], "zz\r\n\r\n"],
    ["a chunk size without end", [CHUNKED], `${"f".repeat(20)}\r\n`],
    ["a chunk longer than it says", [CHUNKED], "2\r\nabcdef\r\n0\r\n\r\n"],
  ])("%s is refused, and nothing that follows is answered", async (_what, headers, body) => {
    const answer = await send(request("POST / HTTP/1.1", headers, body));
    expect(statuses(answer), answer).toEqual([400]);
    expect(answer).not.toContain("smuggled");
  });

  test("a request without a host, or with two, is refused", async () => {
    expect(statuses(await send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))).toEqual([400]);
    expect(statuses(await send(request("GET / HTTP/1.1", ["Host: evil.example"])))).toEqual([400]);
  });
});

describe("requests of odd forms", () => {
  test("several on one connection are answered in their order", async () => {
    const one = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const two = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
    const answer = await send(one + two + request("GET /nothing HTTP/1.1", []));
    expect(statuses(answer)).toEqual([200, 200, 404]);
    expect(answer.indexOf("GET localhost")).toBeLessThan(answer.indexOf("POST 3"));
  });

  test("HTTP/1.0 is answered, and the connection ended", async () => {
    expect(statuses(await send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"))).toEqual([200]);
  });

  test.each(["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP", "ICY/1.1"])("%s is refused", async (version) => {
    expect(statuses(await send(request(`GET / ${version}`, [])))[0]).toBe(400);
  });

  test("an address with a host of its own reaches the same app, and no other host", async () => {
    const answer = await send(request("GET http://evil.example/ HTTP/1.1", []));
    expect(statuses(answer)).toEqual([200]);
    expect(statuses(await send(request("GET ftp://evil.example/ HTTP/1.1", [])))).toEqual([400]);
  });

  test("an address that is none is refused", async () => {
    for (const target of ["*", "//", "http://", "/\\..\\", "http://[", "/%"]) {
      const [status = 0] = statuses(await send(request(`GET ${target} HTTP/1.1`, [])));
      expect([400, 404], target).toContain(status);
    }
  });

  test("CONNECT and TRACE are not done", async () => {
    const tunnel = await send("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
    expect(tunnel).not.toMatch(/^HTTP\/1\.1 2/);
    const trace = await send(request("TRACE / HTTP/1.1", ["X-Secret: abc"]));
    expect(trace).not.toMatch(/^HTTP\/1\.1 [25]/);
    expect(trace).not.toContain("abc");
  });

  test("who expects something else than to continue is refused; who expects that is not", async () => {
    const expecting = (what: string) =>
      send(request("POST / HTTP/1.1", [`Expect: ${what}`, "Content-Length: 3"], "abc"));
    expect(statuses(await expecting("100-continue"))).toEqual([100, 200]);
    expect(statuses(await expecting("a miracle"))).toEqual([417]);
  });

  test("a WebSocket is not opened where there is none", async () => {
    const headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const wanted = `GET /nothing HTTP/1.1\r\nHost: localhost\r\n${[...headers, key].join("\r\n")}\r\n\r\n`;
    const socket = open(await serve(), wanted);
    const [answer] = await new Promise<[Buffer]>((resolve) => socket.once("data", (data) => resolve([data])));
    expect(statuses(answer.toString())).toEqual([404]);
  });

  test("a body with a GET changes nothing, and what follows it is read as what it is", async () => {
    const get =
      "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 25\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n";
    expect(statuses(await send(get + request("GET / HTTP/1.1", [])))).toEqual([200, 200]);
  });
});

describe("headers", () => {
  test("more of them than there is room for are refused, in number and in size", async () => {
    for (const headers of [
      [`X-A: ${"a".repeat(20_000)}`],
      Array.from({ length: 3000 }, (_, n) => `X-${n}: a`),
    ]) {
      const answer = await send(request("GET / HTTP/1.1", headers));
      expect(statuses(answer)).toEqual([431]);
      expect(answer).toContain('"code":"headers_too_large"');
    }
    expect(statuses(await send(request(`GET /${"a".repeat(20_000)} HTTP/1.1`, [])))).toEqual([431]);
  });

  test("no answer says by what it was made, and every refusal is guarded like other answers", async () => {
    for (const answer of [await send(request("GET / HTTP/1.1", [])), await send("garbage\r\n\r\n")]) {
      expect(answer).not.toMatch(/^(server|x-powered-by):/im);
      for (const header of [
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "referrer-policy: no-referrer",
      ]) {
        expect(answer.toLowerCase()).toContain(header);
      }
      expect(answer).toMatch(/^x-request-id: [\w-]+/im);
    }
  });
});

describe("slow clients", () => {
  test("one that never says anything is let go", async () => {
    expect(statuses(await send("", IMPATIENT))).toEqual([408]);
  });

  test("one whose headers never end is told so and let go, however steadily it sends", async () => {
    const socket = open(await serve(IMPATIENT), "GET / HTTP/1.1\r\nHost: localhost\r\n");
    const trickle = setInterval(() => socket.writable && socket.write("X-A: a\r\n"), 50);
    socket.once("close", () => clearInterval(trickle));
    expect(statuses(await text(socket))).toEqual([408]);
    clearInterval(trickle);
  });

  test("one whose body never ends is told so and let go, however steadily it sends", async () => {
    const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n";
    const socket = open(await serve(IMPATIENT), head);
    const trickle = setInterval(() => socket.writable && socket.write("a"), 50);
    expect(statuses(await text(socket))).toEqual([408]);
    clearInterval(trickle);
  });

  test("one that sends nothing after its first request is let go", async () => {
    const socket = open(
      await serve({ ...IMPATIENT, keepAliveTimeout: 200 }),
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    expect(statuses(await text(socket))).toEqual([200]);
  });

  test("one that closes its half gets its answer", async () => {
    const socket = open(await serve(), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
    socket.end();
    expect(statuses(await text(socket))).toEqual([200]);
  });

  test("one that leaves in the middle of its body harms nobody", async () => {
    const address = await serve();
    const gone = open(address, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
    await new Promise((resolve) => gone.once("connect", resolve));
    gone.resetAndDestroy();
    const socket = open(address, request("GET / HTTP/1.1", []));
    expect(statuses(await text(socket))).toEqual([200]);
  });
});
