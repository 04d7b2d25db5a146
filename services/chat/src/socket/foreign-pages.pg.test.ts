import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, PUBLIC_URL, startChatWorld } from "../chat-node-fixture.ts";

const APP = "https://app.example.org";

let world: ChatWorld;
let node: ChatNode;
let closedNode: ChatNode;
beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode({ CORS_ORIGINS: APP });
  closedNode = await world.startNode();
});
afterAll(() => world.close());

const poll = (to: ChatNode, origin: string, method = "GET") =>
  fetch(`${to.url}${SOCKET_PATH}/?EIO=4&transport=polling`, { method, headers: { Origin: origin } });

test("a page of an allowed origin polls, and its preflight is answered, never with cookies", async () => {
  for (const method of ["GET", "OPTIONS"]) {
    const response = await poll(node, APP, method);
    expect(response.ok).toBe(true);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(APP);
    expect(response.headers.get("Access-Control-Allow-Credentials")).toBeNull();
    expect(response.headers.get("Vary")).toContain("Origin");
  }
});

test("pages of other origins read nothing", async () => {
  for (const origin of [
    "https://evil.example",
    "null",
    `${APP}.evil.example`,
    "http://app.example.org",
    PUBLIC_URL,
  ]) {
    const response = await poll(node, origin);
    expect(response.headers.get("Access-Control-Allow-Origin"), origin).toBeNull();
  }
  expect((await poll(closedNode, APP)).headers.get("Access-Control-Allow-Origin")).toBeNull();
});

test("what is polled is guarded like other answers", async () => {
  const { headers } = await poll(node, PUBLIC_URL);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("Content-Security-Policy")).toBe("default-src 'none'; frame-ancestors 'none'");
});
