import type { Resident } from "@sotto/testkit/population";
import { v7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { addDevice } from "../messages/message-world-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

async function listen(who: Resident, node: ChatNode) {
  const socket = await world.socket(node, who);
  const told: unknown[] = [];
  socket.on("notifications:changed", (payload) => told.push(payload));
  await connect(socket);
  return told;
}

test("every connected device of the account is told what is unread, on every node, and nobody else's", async () => {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const here = await listen(ann, one);
  const there = await listen(await addDevice(world.owner, ann), two);
  const [bensHere, bensThere] = [
    await listen(ben, one),
    await listen(await addDevice(world.owner, ben), two),
  ];
  // More accounts than one notification between the nodes holds.
  const others = Array.from({ length: 200 }, () => ({ accountId: v7(), unread: 1_000, eventId: v7() }));
  for (const news of others) one.context.listNews.tell(news);
  one.context.listNews.tell({ accountId: ann.accountId, unread: 1, eventId: v7() });
  await until("both are told", () => here.length > 0 && there.length > 0);
  two.context.listNews.tell({ accountId: ben.accountId, unread: 7, eventId: v7() });
  await until("the other's are told", () => bensHere.length > 0 && bensThere.length > 0);
  expect([here, there, bensHere, bensThere]).toEqual([
    [{ unread: 1 }],
    [{ unread: 1 }],
    [{ unread: 7 }],
    [{ unread: 7 }],
  ]);
});
