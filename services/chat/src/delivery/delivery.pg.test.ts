import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

/** Connects a device and collects what it gets. */
async function listen(node: ChatNode, resident: Resident, acknowledge = true) {
  const socket = await world.socket(node, resident);
  const inbox: InboxEnvelope[] = [];
  const seen = { drained: 0, closed: [] as string[] };
  socket.on("inbox:envelopes", ({ envelopes }: { envelopes: InboxEnvelope[] }) => {
    inbox.push(...envelopes);
    if (acknowledge) socket.emit("inbox:ack", { envelopeIds: envelopes.map(({ envelopeId }) => envelopeId) });
  });
  socket.on("inbox:drained", () => {
    seen.drained += 1;
  });
  socket.on("session:closed", ({ reason }: { reason: string }) => seen.closed.push(reason));
  await connect(socket);
  return { socket, inbox, seen };
}

async function pair() {
  const [alice, bob] = (await world.people(2)) as [Resident, Resident];
  return { alice, bob, conversationId: await world.talk(alice, bob) };
}

async function sendMany(socket: Socket, conversationId: string, from: Resident, to: Resident, count: number) {
  const messages = Array.from({ length: count }, () => composeMessage(conversationId, from, to));
  const answers = await Promise.all(messages.map((message) => ask(socket, "message:send", message)));
  expect(answers.filter(({ ok }) => !ok)).toEqual([]);
  return messages.map(({ messageId }) => messageId);
}

const ids = (inbox: readonly InboxEnvelope[]) => inbox.map(({ messageId }) => messageId);

describe.each([
  ["the same node", () => one],
  ["another node", () => two],
])("a recipient on %s", (_where, nodeOfBob) => {
  test("gets every message once, in the order of sending, with content and envelope as sent", async () => {
    const { alice, bob, conversationId } = await pair();
    const a = await listen(one, alice);
    const b = await listen(nodeOfBob(), bob);
    const sent = await sendMany(a.socket, conversationId, alice, bob, 100);
    await until("100 deliveries", () => b.inbox.length >= 100);
    expect(ids(b.inbox)).toEqual(sent);
    const message = composeMessage(conversationId, alice, bob);
    await ask(a.socket, "message:send", message);
    await until("one more delivery", () => b.inbox.length > 100);
    expect(b.inbox[100]).toMatchObject({
      messageId: message.messageId,
      conversationId,
      senderAccountId: alice.accountId,
      senderDeviceId: alice.deviceId,
      content: message.content,
      envelope: message.recipients[1]?.devices[0]?.envelope,
    });
  });

  test("gets what waited, then is told once that it has it all", async () => {
    const { alice, bob, conversationId } = await pair();
    const a = await listen(one, alice);
    const sent = await sendMany(a.socket, conversationId, alice, bob, 600);
    const b = await listen(nodeOfBob(), bob);
    await until("drained", () => b.seen.drained > 0);
    expect(ids(b.inbox)).toEqual(sent);
    await sendMany(a.socket, conversationId, alice, bob, 1);
    await until("a live message", () => b.inbox.length === 601);
    expect(b.seen.drained).toBe(1);
  });
});

test("what is not acknowledged comes again on the next connection, and what is acknowledged does not", async () => {
  const { alice, bob, conversationId } = await pair();
  const a = await listen(one, alice);
  const first = await listen(one, bob, false);
  const sent = await sendMany(a.socket, conversationId, alice, bob, 3);
  await until("three deliveries", () => first.inbox.length === 3);
  const answer = await ask(first.socket, "inbox:ack", { envelopeIds: [first.inbox[1]?.envelopeId] });
  expect(answer).toEqual({ ok: true, value: { deleted: 1 } });
  first.socket.disconnect();
  const second = await listen(two, bob);
  await until("drained", () => second.seen.drained === 1);
  expect(ids(second.inbox)).toEqual([sent[0], sent[2]]);
});

test("a second connection of a device closes the first, on the same node and on another", async () => {
  const { alice } = await pair();
  const first = await listen(one, alice);
  const second = await listen(one, alice);
  await until("the first closed", () => first.seen.closed.length > 0);
  const third = await listen(two, alice);
  await until("the second closed", () => second.seen.closed.length > 0);
  expect([first.seen.closed, second.seen.closed, third.seen.closed]).toEqual([
    ["superseded"],
    ["superseded"],
    [],
  ]);
});

test("a connection lives on when a later handshake of its device was given up before it became one", async () => {
  const { alice, bob, conversationId } = await pair();
  const a = await listen(one, alice);
  const b = await listen(two, bob);
  const given = { connectionId: "00000000-0000-4000-8000-000000000001", deviceId: bob.deviceId };
  await world.owner.query(
    "update chat.presence set connection_id = $2, node_id = null where device_id = $1",
    [given.deviceId, given.connectionId],
  );
  await until("the sweep has put it right", async () => {
    const { rows } = await world.owner.query(
      "select connection_id, node_id from chat.presence where device_id = $1",
      [bob.deviceId],
    );
    return rows[0].connection_id !== given.connectionId && rows[0].node_id === two.context.node.id;
  });
  await sendMany(a.socket, conversationId, alice, bob, 1);
  await until("a delivery", () => b.inbox.length === 1);
  expect(b.seen.closed).toEqual([]);
});
