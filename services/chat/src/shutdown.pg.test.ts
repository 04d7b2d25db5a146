import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "./chat-node-fixture.ts";
import { ACCOUNT_LOCK_CLASS, accountLockKey } from "./devices/account-lock.ts";

let world: ChatWorld;
beforeAll(async () => {
  world = await startChatWorld();
});
afterAll(() => world.close());

/** Two people on a node of their own; nothing that the first one sends can be stored until `release`. */
async function startHeldNode() {
  const node = await world.startNode();
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  const holder = await world.owner.connect();
  await holder.query("begin");
  await holder.query("select pg_advisory_xact_lock($1, $2)", [
    ACCOUNT_LOCK_CLASS,
    accountLockKey(ann.accountId),
  ]);
  return {
    node,
    ann,
    message: () => composeMessage(conversationId, ann, ben),
    async release() {
      await holder.query("commit");
      holder.release();
    },
  };
}

/** What the client sees of the end, in its order. */
function recordEnd(socket: Socket): string[] {
  const seen: string[] = [];
  socket.on("session:closed", ({ reason }: { reason: string }) => seen.push(reason));
  socket.on("disconnect", () => seen.push("disconnected"));
  return seen;
}

function postMessage(node: ChatNode, sender: Resident, token: string, message: unknown): Promise<Response> {
  return fetch(`${node.url}/api/chat/messages`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      [DEVICE_HEADER]: sender.deviceId,
    },
    body: JSON.stringify(message),
  });
}

test("what was sent before the stop is answered, on the socket and by request, and then comes the farewell", async () => {
  const { node, ann, message, release } = await startHeldNode();
  const token = await world.token(ann);
  const socket = await connect(await world.socket(node, ann));
  const seen = recordEnd(socket);
  for (let sent = 0; sent < 20; sent++) {
    socket.emit("message:send", message(), ({ ok }: { ok: boolean }) =>
      seen.push(ok ? "accepted" : "refused"),
    );
  }
  const byRequest = postMessage(node, ann, token, message());
  await until("everything waits to be stored", () => node.context.commitQueue.depth === 21);

  const stopped = node.stop();
  expect(await ask(socket, "typing:set", { conversationId: ann.accountId, active: true })).toMatchObject({
    ok: false,
    error: { code: "unavailable", retryAfterSeconds: 1 },
  });
  expect(seen).toEqual([]);
  await release();

  const answer = await byRequest;
  expect(answer.status).toBe(201);
  expect(answer.headers.get("Connection")).toBe("close");
  await stopped;
  await until("the client has seen its end", () => seen.includes("disconnected"));
  expect(seen).toEqual([...Array(20).fill("accepted"), "server_shutdown", "disconnected"]);
  const { rows } = await world.owner.query("select 1 from chat.message where sender_device_id = $1", [
    ann.deviceId,
  ]);
  expect(rows).toHaveLength(21);
});

test("a client that had not introduced itself is turned away while the node stops", async () => {
  const { node, ann, message, release } = await startHeldNode();
  const late = new WebSocket(`${node.url.replace("http", "ws")}${SOCKET_PATH}/?EIO=4&transport=websocket`);
  const received: string[] = [];
  late.addEventListener("message", ({ data }) => received.push(String(data)));
  await until("the transport is open", () => received.length === 1);
  const socket = await connect(await world.socket(node, ann));
  const answer = ask(socket, "message:send", message());
  await until("a message waits to be stored", () => node.context.commitQueue.depth === 1);

  const stopped = node.stop();
  const auth = {
    token: await world.token(ann),
    deviceId: ann.deviceId,
    protocolVersion: PROTOCOL_VERSION,
  };
  late.send(`40${JSON.stringify(auth)}`);
  await until("an answer", () => received.length === 2);
  expect(received[1]).toContain('"code":"unavailable"');
  await expect(fetch(`${node.url}/health/live`)).rejects.toThrow("fetch failed");
  await release();
  expect((await answer).ok).toBe(true);
  await stopped;
});

test("a client that does not answer the farewell does not hold up the stop", async () => {
  const node = await world.startNode();
  const { port } = new URL(node.url);
  const silent = connectTcp(Number(port), "127.0.0.1");
  silent.write(
    [
      `GET ${SOCKET_PATH}/?EIO=4&transport=websocket HTTP/1.1`,
      "Host: localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "\r\n",
    ].join("\r\n"),
  );
  await once(silent, "data");
  silent.pause();
  silent.on("error", () => undefined);
  const begun = performance.now();
  await node.stop();
  expect(performance.now() - begun).toBeLessThan(5000);
  silent.destroy();
});

test("a node that never reached its database stops in time", async () => {
  // Nothing listens on port 1.
  const node = await world.startNode({ DATABASE_URL: "postgres://sotto_chat:x@127.0.0.1:1/sotto" });
  expect((await fetch(`${node.url}/health/ready`)).status).toBe(503);
  const begun = performance.now();
  await node.stop();
  expect(performance.now() - begun).toBeLessThan(8000);
});

test("a node that is stopped at once, and one that is stopped twice, stop", async () => {
  const node = await world.startNode();
  await Promise.all([node.stop(), node.stop()]);
  const { rows } = await world.owner.query("select 1 from chat.node where node_id = $1", [
    node.context.node.id,
  ]);
  expect(rows).toEqual([]);
});
