import http from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import { serve } from "@hono/node-server";
import { createLogger } from "@sotto/platform/log";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createGatewayApp } from "./app.ts";
import type { Backends } from "./config.ts";
import { createProxy } from "./proxy/create-proxy.ts";
import { putProxyInFront } from "./serve-node.ts";

interface Seen {
  readonly node: string;
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const log = createLogger({ service: "gateway-test", level: "silent" });
const servers: http.Server[] = [];
let gateway: string;
let nodes: Map<string, http.Server>;
/** What reached any node, in order. */
let asked: string[];

function listen(server: http.Server): Promise<number> {
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** Answers with what it was asked, and echoes on upgraded connections. */
async function startNode(node: string): Promise<{ name: string; url: string }> {
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    asked.push(request.url ?? "");
    const body = await text(request);
    const seen: Seen = {
      node,
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body,
    };
    response.setHeader("set-cookie", "own=1");
    response.end(JSON.stringify(seen));
  };
  const server = http.createServer((request, response) => {
    // A request that is cut short needs no answer.
    answer(request, response).catch(() => response.destroy());
  });
  server.on("upgrade", (request: http.IncomingMessage, socket: net.Socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Node: ${node}\r\n`,
    );
    socket.write(`X-Seen-For: ${request.headers["x-forwarded-for"]}\r\n\r\n`);
    socket.pipe(socket);
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  nodes.set(node, server);
  return { name: node, url };
}

async function startGateway(backends: Backends): Promise<string> {
  const config = { BACKENDS: backends, PUBLIC_URL: "http://localhost:1" };
  const app = createGatewayApp({ config: config as never, log });
  const server = serve({
    fetch: app.fetch,
    port: 0,
    hostname: "127.0.0.1",
    serverOptions: { maxHeaderSize: 16_384 },
  }) as http.Server;
  putProxyInFront(server, createProxy(backends, log));
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

async function ask(path: string, init: RequestInit = {}): Promise<Seen> {
  const answer = await fetch(gateway + path, init);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Seen;
}

async function problemOf(answer: Response): Promise<{ status: number; code: string }> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const { code } = (await answer.json()) as { code: string };
  return { status: answer.status, code };
}

function upgradeTo(path: string): Promise<{ head: string; socket: net.Socket }> {
  const { hostname, port } = new URL(gateway);
  const socket = net.connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", (head: Buffer) => resolve({ head: head.toString(), socket }));
  });
}

beforeEach(async () => {
  nodes = new Map();
  asked = [];
  const one = async (name: string): Promise<{ name: string; url: string }[]> => [await startNode(name)];
  gateway = await startGateway({
    user: await one("user"),
    chat: [await startNode("chat-1"), await startNode("chat-2")],
    notification: await one("notification"),
    mail: await one("mail"),
    relay: await one("relay"),
  });
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function portOf(name: string): number {
  return (nodes.get(name)?.address() as net.AddressInfo | undefined)?.port ?? 0;
}

/** Ends a node as kill -9 would: nothing listens any more. */
async function killNode(name: string): Promise<void> {
  const server = nodes.get(name);
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
}

describe("requests", () => {
  it("reach their service with method, path, query, headers and body", async () => {
    const seen = await ask("/api/user/accounts?x=1", {
      method: "POST",
      body: "hello",
      headers: { authorization: "Bearer t" },
    });
    expect(seen).toMatchObject({
      node: "user",
      method: "POST",
      url: "/api/user/accounts?x=1",
      body: "hello",
    });
    expect(seen.headers.authorization).toBe("Bearer t");
  });

  it("say who called by what the gateway saw, whatever the caller claims", async () => {
    const seen = await ask("/api/user/me", {
      headers: {
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-proto": "https",
        "x-real-ip": "1.2.3.4",
        forwarded: "for=1.2.3.4",
      },
    });
    expect(seen.headers["x-forwarded-for"]).toBe("127.0.0.1");
    expect(seen.headers["x-forwarded-proto"]).toBe("http");
    expect(seen.headers["x-real-ip"]).toBeUndefined();
    expect(seen.headers.forwarded).toBeUndefined();
  });

  it("are shared out among the chat nodes", async () => {
    const seen = [
      await ask("/api/chat/a"),
      await ask("/api/chat/b"),
      await ask("/api/chat/c"),
      await ask("/api/chat/d"),
    ];
    expect(new Set(seen.map(({ node }) => node))).toEqual(new Set(["chat-1", "chat-2"]));
  });

  it("go to the node that they name, by header or query", async () => {
    for (const node of ["chat-1", "chat-2"]) {
      for (let i = 0; i < 3; i += 1) {
        expect((await ask("/api/chat/x", { headers: { "x-sotto-node": node } })).node).toBe(node);
        expect((await ask(`/api/chat/x?node=${node}`)).node).toBe(node);
      }
    }
    expect(await problemOf(await fetch(`${gateway}/api/chat/x?node=chat-9`))).toEqual({
      status: 400,
      code: "bad_request",
    });
  });

  it("skip a dead node, also when they have a body", async () => {
    await killNode("chat-1");
    for (let i = 0; i < 6; i += 1)
      expect(await ask("/api/chat/messages", { method: "POST", body: "once" })).toMatchObject({
        node: "chat-2",
        body: "once",
      });
  });

  it("get 503 when no node is left", async () => {
    await killNode("user");
    expect(await problemOf(await fetch(`${gateway}/api/user/me`))).toEqual({
      status: 503,
      code: "unavailable",
    });
  }, 15_000);

  it("wait for a service that is being restarted", async () => {
    const port = portOf("user");
    await killNode("user");
    const again = http.createServer((_request, response) => response.end("back"));
    servers.push(again);
    // A restart takes a moment, in which the first attempts to connect fail.
    setTimeout(() => again.listen(port, "127.0.0.1"), 400);
    const answer = fetch(`${gateway}/api/user/me`);
    expect(await (await answer).text()).toBe("back");
  });

  it("get 413 when the body is too large, announced or not", async () => {
    const large = "x".repeat(1024 * 1024 + 1);
    expect(await problemOf(await fetch(`${gateway}/api/chat/m`, { method: "POST", body: large }))).toEqual({
      status: 413,
      code: "payload_too_large",
    });
    expect(asked).toEqual([]);
    const chunked = new Blob([large]).stream();
    const answer = await fetch(`${gateway}/api/chat/m`, {
      method: "POST",
      body: chunked,
      duplex: "half",
    } as RequestInit);
    expect(await problemOf(answer)).toEqual({ status: 413, code: "payload_too_large" });
  });

  it("may be as large as the largest frame", async () => {
    const body = "x".repeat(1024 * 1024);
    expect((await ask("/api/chat/m", { method: "POST", body })).body.length).toBe(body.length);
  });

  it("get 431 when their headers are too large", async () => {
    const answer = await fetch(`${gateway}/api/user/me`, { headers: { "x-large": "x".repeat(20_000) } });
    expect(await problemOf(answer)).toEqual({ status: 431, code: "headers_too_large" });
  });

  it("get 404 for health and metrics of a service, and for what is not there", async () => {
    for (const path of ["/api/user/metrics", "/api/chat/health/ready", "/metrics", "/nothing"])
      expect(await problemOf(await fetch(gateway + path))).toEqual({ status: 404, code: "not_found" });
  });

  it("of a caller that hangs up are not waited for", async () => {
    const abort = new AbortController();
    await killNode("user");
    const waiting = fetch(`${gateway}/api/user/me`, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toThrow();
    expect((await ask("/api/chat/still-alive")).url).toBe("/api/chat/still-alive");
  });
});

describe("Socket.IO", () => {
  const polling = "/api/chat/socket.io/?EIO=4&transport=polling";

  it("polling stays with one node by a cookie, beside the cookies of the service", async () => {
    const first = await fetch(gateway + polling);
    const { node } = (await first.json()) as Seen;
    const cookies = first.headers.getSetCookie();
    expect(cookies).toEqual(["own=1", `sotto_node=${node}; Path=/api/chat; HttpOnly; SameSite=Strict`]);
    for (let i = 0; i < 4; i += 1)
      expect((await ask(polling, { headers: { cookie: `a=b; sotto_node=${node}` } })).node).toBe(node);
  });

  it("polling moves on, with a new cookie, when its node is dead", async () => {
    await killNode("chat-1");
    const answer = await fetch(gateway + polling, { headers: { cookie: "sotto_node=chat-1" } });
    expect(answer.headers.getSetCookie()).toContain(
      "sotto_node=chat-2; Path=/api/chat; HttpOnly; SameSite=Strict",
    );
  });

  it("WebSockets pass, are shared out, and carry what both sides send", async () => {
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 4; i += 1) {
      const { head, socket } = await upgradeTo("/api/chat/socket.io/?EIO=4&transport=websocket");
      expect(head).toContain("HTTP/1.1 101 ");
      expect(head).toMatch(/x-seen-for: 127\.0\.0\.1/i);
      seen.add(/x-node: (\S+)/i.exec(head)?.[1]);
      const echoed = new Promise((resolve) =>
        socket.once("data", (data: Buffer) => resolve(data.toString())),
      );
      socket.write("ping");
      expect(await echoed).toBe("ping");
      socket.destroy();
    }
    expect(seen).toEqual(new Set(["chat-1", "chat-2"]));
  });

  it("WebSockets are shared out whatever number of requests each client makes before", async () => {
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 2; i += 1) {
      await ask("/api/chat/devices");
      const { head, socket } = await upgradeTo("/api/chat/socket.io/?EIO=4&transport=websocket");
      seen.add(/x-node: (\S+)/i.exec(head)?.[1]);
      socket.destroy();
    }
    expect(seen).toEqual(new Set(["chat-1", "chat-2"]));
  });

  it("WebSockets skip a dead node", async () => {
    await killNode("chat-2");
    for (let i = 0; i < 4; i += 1) {
      const { head, socket } = await upgradeTo("/api/chat/socket.io/");
      expect(head).toMatch(/x-node: chat-1/i);
      socket.destroy();
    }
  });

  it("WebSockets to anywhere else are refused", async () => {
    for (const path of ["/", "/api/user/x", "/api/chat/messages", "/api/chat/socket.io/../../../metrics"]) {
      const { head, socket } = await upgradeTo(path);
      expect(head).toContain("HTTP/1.1 404 ");
      socket.destroy();
    }
  });

  it("garbage harms nobody else", async () => {
    const { hostname, port } = new URL(gateway);
    const socket = net.connect(Number(port), hostname);
    socket.write("this is no request\r\n\r\n");
    const [answer] = await Promise.all([text(socket)]);
    expect(answer).toContain("HTTP/1.1 400 ");
    expect((await ask("/api/user/me")).node).toBe("user");
  });
});

describe("the status page", () => {
  it("allows its own script and no other", async () => {
    const answer = await fetch(gateway);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await answer.text()).toContain("Sotto is running");
  });

  it("tells what is down", async () => {
    await killNode("relay");
    const { parts } = (await (await fetch(`${gateway}/status.json`)).json()) as {
      parts: { name: string; status: string }[];
    };
    expect(parts.find(({ name }) => name === "relay")?.status).toBe("down");
    expect(parts.find(({ name }) => name === "chat-1")?.status).toBe("ready");
  });
});
