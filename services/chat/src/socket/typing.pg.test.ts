import { composeMessage, type Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ask,
  type ChatNode,
  type ChatWorld,
  connect,
  limitTo,
  startChatWorld,
  until,
} from "../chat-node-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({
    NODE_NAME: "one",
    ...limitTo({ "typing.device": { burst: 10, perMinute: 120 } }),
  });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

test("typing is told on this node and on the others; more than a person types is refused and told to nobody", async () => {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  const typist = await connect(await world.socket(one, ann));
  const reader = await world.socket(two, ben);
  const seen: { active: boolean }[] = [];
  reader.on("typing:changed", (change: { active: boolean }) => seen.push(change));
  await connect(reader);
  expect(await ask(typist, "typing:set", { conversationId, active: true })).toMatchObject({ ok: true });
  await until("the typing seen", () => seen.length === 1);
  expect(seen).toEqual([{ conversationId, accountId: ann.accountId, active: true }]);
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      ask(typist, "typing:set", { conversationId, active: index % 2 === 0 }),
    ),
  );
  const refused = answers.filter(({ ok }) => !ok);
  expect(refused.length).toBeGreaterThan(30);
  expect(refused[0]).toMatchObject({ error: { code: "rate_limited", retryAfterSeconds: 1 } });
  // What a device sends is counted apart.
  expect(await ask(typist, "message:send", composeMessage(conversationId, ann, ben))).toMatchObject({
    ok: true,
  });
});
