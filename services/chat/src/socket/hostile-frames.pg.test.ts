import net from "node:net";
import { limits } from "@sotto/contracts/limits";
import { clientEvents, SOCKET_PATH } from "@sotto/contracts/socket-events";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import fc from "fast-check";
import type { Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  ask,
  type ChatNode,
  type ChatWorld,
  connect,
  limitTo,
  startChatWorld,
  until,
} from "../chat-node-fixture.ts";
import { type Bystanders, disconnected, rawWebSocket, startBystanders } from "./socket-world-fixture.ts";

let world: ChatWorld;
let node: ChatNode;
let bystanders: Bystanders;
const crashes: unknown[] = [];
const recordCrash = (error: unknown) => crashes.push(error);

beforeAll(async () => {
  // The node runs in this process: what would end it in production is seen here.
  process.on("uncaughtException", recordCrash);
  process.on("unhandledRejection", recordCrash);
  world = await startChatWorld();
  node = await world.startNode();
  bystanders = await startBystanders(world, node);
});
afterAll(async () => {
  await world.close();
  process.off("uncaughtException", recordCrash);
  process.off("unhandledRejection", recordCrash);
});
afterEach(async () => {
  await bystanders.chat();
  expect(crashes).toEqual([]);
});

async function attacker(on: ChatNode = node): Promise<Socket> {
  const [resident] = (await world.people(1)) as [Resident];
  return connect(await world.socket(on, resident));
}

const refused = (code: string) => ({ ok: false, error: { code } });
const events = Object.keys(clientEvents);

/** Sends any arguments under any name, and answers the acknowledgement. */
function emitRaw(socket: Socket, name: string, ...args: unknown[]): Promise<unknown> {
  return socket.timeout(10_000).emitWithAck(name, ...args);
}

describe("a frame that stopped the predecessor for everybody", () => {
  test("an event without a payload and without an acknowledgement harms nobody", async () => {
    const socket = await attacker();
    for (const name of ["typing", "typing:set", ...events]) socket.emit(name);
    expect(await ask(socket, "typing:set", undefined)).toMatchObject(refused("bad_request"));
    expect(socket.connected).toBe(true);
  });

  test("an acknowledgement that is no function harms nobody", async () => {
    const socket = await attacker();
    for (const name of events) {
      for (const notFunction of [null, 1, "ack", {}, [], true]) socket.emit(name, {}, notFunction);
    }
    expect(await emitRaw(socket, "typing:set", {})).toMatchObject(refused("bad_request"));
  });
});

describe("a frame of any other wrong kind gets an error and harms nobody", () => {
  test.each(events)("%s with the wrong types", async (event) => {
    const socket = await attacker();
    const wrong = [
      null,
      0,
      -1,
      1e308,
      "",
      "x",
      true,
      [],
      [[]],
      {},
      { a: 1 },
      Buffer.from("binary"),
      [null, {}],
    ];
    for (const payload of wrong)
      expect(await emitRaw(socket, event, payload)).toMatchObject(refused("bad_request"));
  });

  test("names of inherited properties are no events", async () => {
    const socket = await attacker();
    for (const name of [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "",
      "inbox:envelopes",
      "💥",
    ]) {
      expect(await emitRaw(socket, name, {})).toMatchObject(refused("bad_request"));
    }
  });

  test("keys of prototypes in a payload are unknown keys", async () => {
    const socket = await attacker();
    const payload = JSON.parse(
      '{"envelopeIds":[1],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(await emitRaw(socket, "inbox:ack", payload)).toMatchObject(refused("bad_request"));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("numbers that are no envelope ids", async () => {
    const socket = await attacker();
    for (const id of [Number.NaN, -1, 0, 1.5, 2 ** 53, 1e300, "1", null]) {
      expect(await emitRaw(socket, "inbox:ack", { envelopeIds: [id] })).toMatchObject(refused("bad_request"));
    }
    const many = Array.from({ length: limits.acknowledgedPerFrame + 1 }, (_, index) => index + 1);
    expect(await emitRaw(socket, "inbox:ack", { envelopeIds: many })).toMatchObject(refused("bad_request"));
  });

  test("more arguments than a payload and an acknowledgement", async () => {
    const socket = await attacker();
    const answer = await emitRaw(socket, "typing:set", ...Array.from({ length: 1000 }, () => ({})));
    expect(answer).toMatchObject(refused("bad_request"));
  });

  test("binary in every place of a message", async () => {
    const socket = await attacker();
    const bytes = Buffer.alloc(1000, 7);
    const frames = [
      bytes,
      { content: bytes },
      { recipients: [bytes] },
      [bytes, bytes],
      { a: { b: { c: bytes } } },
    ];
    for (const payload of frames) {
      expect(await emitRaw(socket, "message:send", payload)).toMatchObject(refused("bad_request"));
    }
  });

  test("nesting a hundred thousand levels deep", async () => {
    const socket = await attacker();
    const raw = rawWebSocket(node);
    await raw.opened;
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    raw.socket.send(`40{"a":${deep}}`);
    raw.socket.send(`42["inbox:ack",${deep}]`);
    await raw.closed;
    expect(socket.connected).toBe(true);
  });

  test("content of the largest size is taken, one byte more is refused", async () => {
    const [alice, bob] = (await world.people(2)) as [Resident, Resident];
    const conversationId = await world.talk(alice, bob);
    const socket = await connect(await world.socket(node, alice));
    const largest = composeMessage(conversationId, alice, bob, {
      contentBytes: limits.contentBytes,
      envelopeBytes: limits.envelopeBytes,
    });
    expect(await ask(socket, "message:send", largest)).toMatchObject({ ok: true });
    const larger = composeMessage(conversationId, alice, bob, { contentBytes: limits.contentBytes + 1 });
    expect(await ask(socket, "message:send", larger)).toMatchObject(refused("bad_request"));
  });

  test("a frame larger than the limit closes its own connection only", async () => {
    const socket = await attacker();
    const closing = disconnected(socket);
    socket.emit("message:send", { content: "A".repeat(limits.frameBytes + 1) });
    expect(await closing).toBe("transport close");
  });
});

describe("a flood", () => {
  test("is refused frame by frame, then closed, while others chat on", async () => {
    const limited = await world.startNode(limitTo({ "frame.device": { burst: 50, perMinute: 60 } }));
    const others = await startBystanders(world, limited);
    const socket = await attacker(limited);
    const told: string[] = [];
    socket.on("session:closed", ({ reason }: { reason: string }) => told.push(reason));
    const closing = disconnected(socket);
    const first = await Promise.all(Array.from({ length: 60 }, () => ask(socket, "typing:set", {})));
    const codes = first.map((answer) => (answer.ok ? "ok" : answer.error.code));
    expect(codes.slice(0, 50).every((code) => code === "bad_request")).toBe(true);
    expect(codes.slice(-5).every((code) => code === "rate_limited")).toBe(true);
    for (let index = 0; index < 10_000; index += 1) socket.emit("typing:set", {}, () => {});
    await others.chat();
    expect(await closing).toMatch(/^(io server disconnect|transport close)$/);
    expect(told).toEqual(["rate_limited"]);
    await others.chat();
  });

  test("of messages has a limit of its own and says when to come again", async () => {
    const limited = await world.startNode(limitTo({ "message.account": { burst: 3, perMinute: 6 } }));
    const [alice, bob] = (await world.people(2)) as [Resident, Resident];
    const conversationId = await world.talk(alice, bob);
    const socket = await connect(await world.socket(limited, alice));
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        ask(socket, "message:send", composeMessage(conversationId, alice, bob)),
      ),
    );
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false]);
    expect(answers[3]).toMatchObject({ error: { code: "rate_limited", retryAfterSeconds: 10 } });
    expect(await ask(socket, "inbox:ack", { envelopeIds: [1] })).toMatchObject({ ok: true });
  });
});

describe("what is no Socket.IO at all", () => {
  test.each([
    ["a packet type that does not exist", "9garbage"],
    ["an event before the handshake", '42["message:send",{}]'],
    ["a handshake that is no JSON", "40{nonsense"],
    [
      "a binary event that announces a million attachments",
      '451000000-["message:send",{"_placeholder":true,"num":0}]',
    ],
    ["an acknowledgement nobody asked for", "43999[]"],
    ["an empty packet", ""],
    ["a namespace that does not exist, with a huge name", `40/${"x".repeat(100_000)},{}`],
  ])("%s harms that connection at most", async (_what, packet) => {
    const raw = rawWebSocket(node);
    await raw.opened;
    raw.socket.send(packet);
    raw.socket.send("3");
    await bystanders.chat();
    raw.socket.close();
    await raw.closed;
  });

  test("attachments that never come, then text, close that connection only", async () => {
    const [resident] = (await world.people(1)) as [Resident];
    const raw = rawWebSocket(node);
    await raw.opened;
    const auth = { token: await world.token(resident), deviceId: resident.deviceId, protocolVersion: 1 };
    raw.socket.send(`40${JSON.stringify(auth)}`);
    await until("the handshake", () => raw.received.some((packet) => packet.startsWith("40")));
    raw.socket.send('452-["message:send",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    raw.socket.send('42["typing:set",{}]');
    await raw.closed;
  });

  test("bytes that are no HTTP, and requests that never end, harm nobody", async () => {
    const { port } = new URL(node.url);
    const halfOpen = await Promise.all(
      [
        "\x00\x01\x02garbage\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "",
        `GET ${SOCKET_PATH}/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff`,
      ].map(
        (bytes) =>
          new Promise<net.Socket>((resolve, reject) => {
            const socket = net.connect(Number(port), "127.0.0.1", () => {
              socket.write(bytes, "latin1");
              resolve(socket);
            });
            socket.on("error", reject);
          }),
      ),
    );
    await bystanders.chat();
    for (const socket of halfOpen) socket.destroy();
  });

  test.each([
    ["transport=polling", "POST", "not a packet"],
    ["transport=polling&EIO=3", "GET", undefined],
    ["EIO=4&transport=carrier-pigeon", "GET", undefined],
    ["EIO=4&transport=polling&sid=__proto__", "POST", "40{}"],
    ["EIO=4&transport=polling&sid=%00", "GET", undefined],
  ])("a malformed Engine.IO request (%s) is answered with 400", async (query, method, body) => {
    const response = await fetch(`${node.url}${SOCKET_PATH}/?${query}`, {
      method,
      ...(body !== undefined && { body }),
    });
    expect(response.status).toBe(400);
  });

  test("two hundred connections that never authenticate are closed, and hold up nobody", {
    timeout: 60_000,
  }, async () => {
    const idle = Array.from({ length: 200 }, () => rawWebSocket(node));
    await Promise.all(idle.map(({ opened }) => opened));
    await bystanders.chat();
    expect(node.context.io.engine.clientsCount).toBeGreaterThanOrEqual(200);
    await Promise.all(idle.map(({ closed }) => closed));
  });

  test("a client that asks for a thousand handshakes at once gets one, and the rest are refused unasked", async () => {
    const [resident] = (await world.people(1)) as [Resident];
    const auth = { token: await world.token(resident), deviceId: resident.deviceId, protocolVersion: 1 };
    (await connect(await world.socket(node, resident))).disconnect();
    // The first handshake waits for this row; the others must not wait beside it.
    const holder = await world.owner.connect();
    await holder.query("begin");
    await holder.query("select from chat.presence where device_id = $1 for update", [resident.deviceId]);
    const raw = rawWebSocket(node);
    await raw.opened;
    for (let index = 0; index < 1000; index += 1) raw.socket.send(`40${JSON.stringify(auth)}`);
    const refusals = () => raw.received.filter((packet) => /^44.*rate_limited/.test(packet)).length;
    await until("all but one refused", () => refusals() === 999);
    await bystanders.chat();
    await holder.query("rollback");
    holder.release();
    await until("the one admitted", () => raw.received.some((packet) => packet.startsWith("40")));
    raw.socket.close();
    await raw.closed;
  });
});

test("hundreds of frames of any shape: each is answered with an error or a value, and nobody else notices", {
  timeout: 120_000,
}, async () => {
  const name = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...events) },
    { weight: 1, arbitrary: fc.string() },
  );
  const uuid = fc.oneof(fc.uuid(), fc.string());
  const shaped = fc.oneof(
    fc.record({ conversationId: uuid, active: fc.oneof(fc.boolean(), fc.anything()) }),
    fc.record({ envelopeIds: fc.array(fc.oneof(fc.integer(), fc.double(), fc.string())) }),
    fc.record({
      gap: fc.oneof(
        fc
          .date()
          .filter((date) => !Number.isNaN(date.getTime()))
          .map((date) => date.toISOString()),
        fc.string(),
      ),
    }),
    fc.record({ token: fc.string() }),
    fc.record({
      messageId: fc.oneof(fc.uuid({ version: 7 }), fc.string()),
      conversationId: uuid,
      content: fc.oneof(fc.base64String({ minLength: 4 }), fc.string()),
      recipients: fc.array(
        fc.record({
          accountId: uuid,
          devices: fc.array(
            fc.record({
              deviceId: uuid,
              registrationId: fc.integer({ min: 1, max: 16_380 }),
              envelope: fc.base64String({ minLength: 4 }),
            }),
            { maxLength: 2 },
          ),
        }),
        { maxLength: 3 },
      ),
    }),
  );
  const payload = fc.oneof(
    { weight: 3, arbitrary: shaped },
    { weight: 2, arbitrary: fc.jsonValue() },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
  );
  let socket = await attacker();
  await fc.assert(
    fc.asyncProperty(name, fc.array(payload, { maxLength: 3 }), async (event, args) => {
      if (!socket.connected) socket = await attacker();
      // Socket.IO's own client refuses to send these.
      if (
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].includes(
          event,
        )
      )
        return;
      const answer = (await emitRaw(socket, event, ...args)) as { ok: boolean; error?: { code: string } };
      expect(
        answer.ok || ["bad_request", "not_found", "unauthenticated"].includes(answer.error?.code ?? ""),
      ).toBe(true);
      expect(crashes).toEqual([]);
    }),
    { numRuns: 400 },
  );
  await bystanders.chat();
});
