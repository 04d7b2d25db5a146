import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ask,
  type ChatNode,
  type ChatWorld,
  connect,
  limitTo,
  startChatWorld,
} from "../chat-node-fixture.ts";
import { putMail } from "../delivery/mailbox-fixture.ts";
import { callAs } from "../people/people-fixture.ts";

let world: ChatWorld;
let node: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
});
afterAll(() => world.close());

async function talk() {
  const [from, to, stranger] = (await world.people(3)) as [Resident, Resident, Resident];
  const conversationId = await world.talk(from, to);
  const [older, newer] = await Promise.all(
    [60, 30].map((ageSeconds) =>
      putMail(world.owner, { from, to, conversationId, count: 1, ageSeconds }).then(([id]) => id as string),
    ),
  );
  return { from, to, stranger, conversationId, older: older as string, newer: newer as string };
}

const conversationsOf = async (who: Resident) =>
  (await callAs(world, node, who, ["GET", "/conversations"])).body.conversations;
const read = (who: Resident, conversationId: string, messageId: string) =>
  callAs(world, node, who, ["POST", `/conversations/${conversationId}/read`, { messageId }]);

test("a read mark goes to the newest message that was said to be read, by request or by socket, and never back", async () => {
  const { from, to, conversationId, older, newer } = await talk();
  expect(await conversationsOf(to)).toMatchObject([{ readAt: null, muted: null }]);
  const first = await read(to, conversationId, older);
  expect([first.status, await conversationsOf(to)]).toMatchObject([200, [first.body]]);
  const socket = await connect(await world.socket(node, to));
  const answer = await ask(socket, "conversation:read", { conversationId, messageId: newer });
  if (!answer.ok) throw new Error(answer.error.detail);
  expect(Date.parse(answer.value.readAt)).toBeGreaterThan(Date.parse(first.body.readAt as string));
  expect((await read(to, conversationId, older)).body).toEqual(answer.value);
  expect(await conversationsOf(to)).toMatchObject([answer.value]);
  expect(await conversationsOf(from), "is one's own").toMatchObject([{ readAt: null }]);
});

test("a message of another conversation, none, or one of others cannot be said to be read", async () => {
  const { from, to, stranger, conversationId, newer } = await talk();
  const elsewhere = await world.talk(to, stranger);
  for (const [who, where, what] of [
    [to, elsewhere, newer],
    [stranger, conversationId, newer],
    [to, conversationId, conversationId],
    [to, newer, newer],
  ] as const)
    expect((await read(who, where, what)).body).toMatchObject({ code: "not_found" });
  const socket = await connect(await world.socket(node, stranger));
  expect(await ask(socket, "conversation:read", { conversationId, messageId: newer })).toMatchObject({
    error: { code: "not_found" },
  });
  expect([await conversationsOf(from), await conversationsOf(to)].flat()).toMatchObject([
    { readAt: null },
    { readAt: null },
    { readAt: null },
  ]);
});

test("reading is limited for each account", async () => {
  const limited = await world.startNode(limitTo({ "read.account": { burst: 2, perMinute: 0.01 } }));
  const { to, conversationId, newer } = await talk();
  const path = `/conversations/${conversationId}/read`;
  const codes: unknown[] = [];
  for (let turn = 0; turn < 3; turn += 1)
    codes.push((await callAs(world, limited, to, ["POST", path, { messageId: newer }])).status);
  expect(codes).toEqual([200, 200, 429]);
});

test("a conversation is muted for ever, until a time, or not at all, for one member and nobody else", async () => {
  const { from, to, stranger, conversationId } = await talk();
  const mute = (who: Resident, until: string | null) =>
    callAs(world, node, who, ["PUT", `/conversations/${conversationId}/mute`, { until }]);
  expect((await mute(to, null)).status).toBe(204);
  expect(await conversationsOf(to)).toMatchObject([{ muted: { until: null } }]);
  const until = "2999-12-31T23:00:00.000Z";
  await mute(to, until);
  expect(await conversationsOf(to)).toMatchObject([{ muted: { until } }]);
  expect(
    (await callAs(world, node, to, ["PUT", `/conversations/direct/${from.accountId}`])).body,
  ).toMatchObject({
    muted: { until },
  });
  expect(await conversationsOf(from)).toMatchObject([{ muted: null }]);
  for (const past of ["2001-01-01T00:00:00Z", "0000-01-01T00:00:00Z"]) {
    expect((await mute(to, past)).status, past).toBe(204);
    expect(await conversationsOf(to)).toMatchObject([{ muted: null }]);
  }
  await mute(to, null);
  const unmute = (who: Resident) =>
    callAs(world, node, who, ["DELETE", `/conversations/${conversationId}/mute`]);
  expect([(await unmute(to)).status, (await unmute(to)).status]).toEqual([204, 204]);
  expect(await conversationsOf(to)).toMatchObject([{ muted: null }]);
  expect([(await mute(stranger, null)).status, (await unmute(stranger)).status]).toEqual([404, 404]);
});
