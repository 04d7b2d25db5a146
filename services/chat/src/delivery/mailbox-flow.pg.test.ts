import { limits } from "@sotto/contracts/limits";
import { DEVICE_HEADER, type InboxEnvelope, type InboxPage } from "@sotto/contracts/message-api";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { listMail, putMail } from "./mailbox-fixture.ts";
import { sweepConnections } from "./sweep.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one", SWEEP_INTERVAL_MS: "300" });
  two = await world.startNode({ NODE_NAME: "two", SWEEP_INTERVAL_MS: "300" });
});
afterAll(() => world.close());

async function pair() {
  const [alice, bob] = (await world.people(2)) as [Resident, Resident];
  return { alice, bob, conversationId: await world.talk(alice, bob) };
}

type Pair = Awaited<ReturnType<typeof pair>>;
type Told =
  | { event: "envelopes"; ids: number[]; messages: string[] }
  | { event: "drained" }
  | { event: "gap"; gap: string };

/** A device that writes down what it is told and acknowledges nothing by itself. */
async function silent(node: ChatNode, resident: Resident) {
  const socket = await world.socket(node, resident);
  const told: Told[] = [];
  const envelopes: InboxEnvelope[] = [];
  socket.on("inbox:envelopes", (frame: { envelopes: InboxEnvelope[] }) => {
    envelopes.push(...frame.envelopes);
    told.push({
      event: "envelopes",
      ids: frame.envelopes.map(({ envelopeId }) => envelopeId),
      messages: frame.envelopes.map(({ messageId }) => messageId),
    });
  });
  socket.on("inbox:drained", () => told.push({ event: "drained" }));
  socket.on("inbox:gap", ({ gap }: { gap: string }) => told.push({ event: "gap", gap }));
  await connect(socket);
  return { socket, told, envelopes };
}

const put = ({ alice, bob, conversationId }: Pair, count: number) =>
  putMail(world.owner, { from: alice, to: bob, conversationId, count, ageSeconds: 1 });
const acknowledge = (socket: Socket, envelopeIds: number[]) => ask(socket, "inbox:ack", { envelopeIds });

async function request(node: ChatNode, resident: Resident, path: string, body?: unknown) {
  return await fetch(`${node.url}/api/chat${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Authorization: `Bearer ${await world.token(resident)}`,
      [DEVICE_HEADER]: resident.deviceId,
      "Content-Type": "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function openGap({ deviceId }: Resident): Promise<void> {
  await world.owner.query("update chat.device set gap_at = now() where device_id = $1", [deviceId]);
}

describe("the window", () => {
  test("never holds more than 256 unacknowledged envelopes, and moves with the acknowledgements", async () => {
    const people = await pair();
    const waiting = await put(people, 600);
    const bob = await silent(one, people.bob);
    await until("a full window", () => bob.envelopes.length === limits.deliveryWindow);
    const sender = await connect(await world.socket(one, people.alice));
    const live = composeMessage(people.conversationId, people.alice, people.bob);
    expect(await ask(sender, "message:send", live)).toMatchObject({ ok: true });
    await one.context.departures.flush();
    expect(bob.envelopes).toHaveLength(limits.deliveryWindow);
    await acknowledge(
      bob.socket,
      bob.envelopes.slice(0, 10).map(({ envelopeId }) => envelopeId),
    );
    await until("ten more", () => bob.envelopes.length === limits.deliveryWindow + 10);
    let done = 10;
    while (bob.envelopes.length < 601 || done < 601) {
      const next = bob.envelopes.slice(done, done + 100).map(({ envelopeId }) => envelopeId);
      await acknowledge(bob.socket, next);
      done += next.length;
      await until("more", () => bob.envelopes.length > done || done === 601);
      expect(bob.envelopes.length - done).toBeLessThanOrEqual(limits.deliveryWindow);
    }
    expect(bob.envelopes.map(({ messageId }) => messageId)).toEqual([...waiting, live.messageId]);
    await until("drained", () => bob.told.some(({ event }) => event === "drained"));
    expect(await listMail(world.owner, people.bob)).toEqual([]);
  });
});

describe("the window of bytes", () => {
  const large = 90 * 1024;
  /** As many as stand within the window, and the one that goes beyond it. */
  const fitting = Math.ceil(limits.deliveryWindowBytes / (large + 20));

  test("is not exceeded by more than one message, and moves with the acknowledgements to the last", async () => {
    const people = await pair();
    const { alice, bob, conversationId } = people;
    const waiting = await putMail(world.owner, {
      ...{ from: alice, to: bob, conversationId, count: 3 * fitting, ageSeconds: 1 },
      contentBytes: large,
    });
    const device = await silent(one, people.bob);
    await until("a full window", () => device.envelopes.length >= fitting);
    const sender = await connect(await world.socket(one, people.alice));
    const live = composeMessage(people.conversationId, people.alice, people.bob);
    expect(await ask(sender, "message:send", live)).toMatchObject({ ok: true });
    await sweepConnections(one.context);
    await one.context.departures.flush();
    expect(device.envelopes).toHaveLength(fitting);
    for (let done = 0; done < 3 * fitting + 1; done += 1) {
      await until("one more", () => device.envelopes.length > done);
      expect(device.envelopes.length - done).toBeLessThanOrEqual(fitting + 1);
      await acknowledge(device.socket, [device.envelopes[done]?.envelopeId ?? 0]);
    }
    expect(device.envelopes.map(({ messageId }) => messageId)).toEqual([...waiting, live.messageId]);
    await until("drained", () => device.told.some(({ event }) => event === "drained"));
  });

  test("bounds a page of the inbox, which has one message at least", async () => {
    const { alice, bob, conversationId } = await pair();
    const mail = { from: alice, to: bob, conversationId, count: fitting + 1, ageSeconds: 1 };
    await putMail(world.owner, { ...mail, contentBytes: large });
    const page = (await (await request(one, bob, "/inbox?limit=100")).json()) as InboxPage;
    expect(page.envelopes).toHaveLength(fitting);
  });
});

describe("a gap", () => {
  test("is told first on connecting; nothing comes before it is acknowledged, then everything does", async () => {
    const people = await pair();
    const waiting = await put(people, 3);
    await openGap(people.bob);
    const bob = await silent(one, people.bob);
    await until("the gap", () => bob.told.length > 0);
    const sender = await connect(await world.socket(one, people.alice));
    const live = composeMessage(people.conversationId, people.alice, people.bob);
    await ask(sender, "message:send", live);
    const page = (await (await request(one, people.bob, "/inbox")).json()) as InboxPage;
    const [first] = bob.told;
    if (first?.event !== "gap") throw new Error(`told ${JSON.stringify(first)} instead of a gap`);
    expect(page).toEqual({ envelopes: [], gap: first.gap });
    expect(bob.told).toEqual([first]);
    expect(await ask(bob.socket, "inbox:gap-ack", { gap: first.gap })).toEqual({ ok: true, value: {} });
    await until("the mail", () => bob.envelopes.length === 4);
    expect(bob.envelopes.map(({ messageId }) => messageId)).toEqual([...waiting, live.messageId]);
  });

  test("that opens while a device is connected is told by the sweep", async () => {
    const people = await pair();
    const bob = await silent(one, people.bob);
    await openGap(people.bob);
    await until("the gap", () => bob.told.some(({ event }) => event === "gap"));
  });

  test("is not closed by acknowledging an older one; a repeat of the right acknowledgement is harmless", async () => {
    const people = await pair();
    await openGap(people.bob);
    const bob = await silent(one, people.bob);
    await until("the gap", () => bob.told.length > 0);
    const older = "2026-01-01T00:00:00.000Z";
    expect(await ask(bob.socket, "inbox:gap-ack", { gap: older })).toMatchObject({
      ok: false,
      error: { code: "gap_pending" },
    });
    const { gap } = bob.told[0] as { gap: string };
    for (let time = 0; time < 2; time += 1) {
      expect(await ask(bob.socket, "inbox:gap-ack", { gap })).toEqual({ ok: true, value: {} });
      expect((await request(two, people.bob, "/inbox/gap-acknowledgements", { gap })).status).toBe(204);
    }
  });

  test("acknowledged by request at another node lets the connection flow again", async () => {
    const people = await pair();
    const waiting = await put(people, 2);
    await openGap(people.bob);
    const bob = await silent(one, people.bob);
    await until("the gap", () => bob.told.length > 0);
    const { gap } = bob.told[0] as { gap: string };
    expect((await request(two, people.bob, "/inbox/gap-acknowledgements", { gap })).status).toBe(204);
    await until("the mail", () => bob.envelopes.length === 2);
    expect(bob.envelopes.map(({ messageId }) => messageId)).toEqual(waiting);
  });
});

describe("a mailbox", () => {
  test("is one and the same by request and by connection", async () => {
    const people = await pair();
    const waiting = await put(people, 10);
    const bob = await silent(one, people.bob);
    await until("ten", () => bob.envelopes.length === 10);
    const page = (await (await request(two, people.bob, "/inbox?limit=4")).json()) as InboxPage;
    expect(page.envelopes).toEqual(bob.envelopes.slice(0, 4));
    const envelopeIds = page.envelopes.map(({ envelopeId }) => envelopeId);
    const answer = await request(two, people.bob, "/inbox/acknowledgements", { envelopeIds });
    expect(await answer.json()).toEqual({ deleted: 4 });
    expect(await acknowledge(bob.socket, envelopeIds)).toEqual({ ok: true, value: { deleted: 0 } });
    await acknowledge(
      bob.socket,
      bob.envelopes.slice(4).map(({ envelopeId }) => envelopeId),
    );
    await until("drained", () => bob.told.at(-1)?.event === "drained");
    expect(bob.envelopes.map(({ messageId }) => messageId)).toEqual(waiting);
  });

  test("that is emptied by request at another node is told to be drained on the connection", async () => {
    const people = await pair();
    await put(people, 5);
    const bob = await silent(one, people.bob);
    await until("five", () => bob.envelopes.length === 5);
    const envelopeIds = bob.envelopes.map(({ envelopeId }) => envelopeId);
    await request(two, people.bob, "/inbox/acknowledgements", { envelopeIds });
    // The next read finds that what is in flight is stored no more.
    const sender = await connect(await world.socket(two, people.alice));
    await ask(sender, "message:send", composeMessage(people.conversationId, people.alice, people.bob));
    await until("drained", () => bob.told.some(({ event }) => event === "drained"));
  });

  test("loses nothing to somebody else's acknowledgements", async () => {
    const people = await pair();
    const waiting = await put(people, 3);
    const bob = await silent(one, people.bob);
    await until("three", () => bob.envelopes.length === 3);
    const envelopeIds = bob.envelopes.map(({ envelopeId }) => envelopeId);
    const mallory = (await world.people(1))[0] as Resident;
    const socket = await connect(await world.socket(one, mallory));
    expect(await acknowledge(socket, envelopeIds)).toEqual({ ok: true, value: { deleted: 0 } });
    const byRequest = await request(two, mallory, "/inbox/acknowledgements", { envelopeIds });
    expect(await byRequest.json()).toEqual({ deleted: 0 });
    expect(await listMail(world.owner, people.bob)).toEqual(waiting);
  });

  test("is not readable for another session, device or account", async () => {
    const people = await pair();
    await put(people, 1);
    const mallory = (await world.people(1))[0] as Resident;
    const as = { ...mallory, deviceId: people.bob.deviceId };
    expect((await request(one, as, "/inbox")).status).toBe(404);
    const otherSession = { ...people.bob, sessionId: mallory.sessionId };
    expect((await request(one, otherSession, "/inbox")).status).toBe(401);
  });

  test("is told to be drained once on each connection, also when it was empty from the start", async () => {
    const people = await pair();
    for (let time = 0; time < 2; time += 1) {
      const bob = await silent(time === 0 ? one : two, people.bob);
      await until("drained", () => bob.told.length > 0);
      const sender = await connect(await world.socket(one, people.alice));
      await ask(sender, "message:send", composeMessage(people.conversationId, people.alice, people.bob));
      await until("the live one", () => bob.envelopes.length === 1);
      await acknowledge(
        bob.socket,
        bob.envelopes.map(({ envelopeId }) => envelopeId),
      );
      expect(bob.told.filter(({ event }) => event === "drained")).toHaveLength(1);
      bob.socket.disconnect();
    }
  });
});
