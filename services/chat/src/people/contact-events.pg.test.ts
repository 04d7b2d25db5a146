// What others hear of contacts over the bus, and of what nobody may hear anything.
import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, startChatWorld } from "../chat-node-fixture.ts";
import { callAs } from "./people-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

const pair = async () => (await world.people(2)) as [Resident, Resident];
const call = (who: Resident, method: string, path: string, body?: object) =>
  callAs(world, one, who, body ? [method, path, body] : [method, path]);
const ask = (from: Resident, to: Resident, node = one) =>
  callAs(world, node, from, ["PUT", `/contacts/${to.accountId}`]);

/** Events of contacts in which either is named, by the names of the two, in the order of appending. */
async function eventsOf(ann: Resident, ben: Resident): Promise<string[]> {
  const names: Record<string, string> = { [ann.accountId]: "ann", [ben.accountId]: "ben" };
  const { rows } = await world.owner.query<{ type: string; key: string; own: string; by: string }>(
    `select e ->> 'type' as type, e ->> 'key' as key, e -> 'data' ->> 'accountId' as own, e -> 'data' ->> 'byAccountId' as by
     from outbox.event o, jsonb_array_elements(o.events) e
     where e ->> 'type' like 'chat.contact-%' and e ->> 'key' = any($1) order by o.id`,
    [Object.keys(names)],
  );
  return rows.map(({ type, key, own, by }) => {
    expect(key).toBe(own);
    return `${names[own]}: ${type.replace("chat.contact-", "")} by ${names[by]}`;
  });
}

test("a request is told to whoever was asked, its acceptance to whoever asked, each once", async () => {
  const [ann, ben] = await pair();
  for (const _ of [1, 2]) await ask(ann, ben);
  expect(await eventsOf(ann, ben)).toEqual(["ben: requested by ann"]);
  for (const who of [ben, ann, ben]) await ask(who, who === ann ? ben : ann);
  expect(await eventsOf(ann, ben)).toEqual(["ben: requested by ann", "ann: accepted by ben"]);
});

test("of two who ask each other at once, one asks and the other accepts, whoever comes first", async () => {
  for (let round = 0; round < 10; round += 1) {
    const [ann, ben] = await pair();
    await Promise.all([ask(ann, ben), ask(ben, ann, two), ask(ann, ben, two), ask(ben, ann)]);
    expect([
      ["ben: requested by ann", "ann: accepted by ben"],
      ["ann: requested by ben", "ben: accepted by ann"],
    ]).toContainEqual(await eventsOf(ann, ben));
  }
});

test("of a request that is hidden nobody hears, until it is made where it may be seen", async () => {
  const [ann, ben] = await pair();
  await call(ben, "PUT", `/blocks/${ann.accountId}`);
  for (const _ of [1, 2]) await ask(ann, ben);
  await call(ben, "DELETE", `/blocks/${ann.accountId}`);
  expect(await eventsOf(ann, ben)).toEqual([]);
  await ask(ann, ben);
  expect(await eventsOf(ann, ben)).toEqual(["ben: requested by ann"]);

  const [cleo, dan] = await pair();
  await call(dan, "PATCH", "/settings/privacy", { whoMayWriteFirst: "nobody" });
  await ask(cleo, dan);
  expect(await eventsOf(cleo, dan)).toEqual([]);
  await ask(dan, cleo);
  expect(await eventsOf(cleo, dan)).toEqual(["ann: accepted by ben"]);
});

test("whoever has blocked hears nothing of an acceptance either", async () => {
  const [ann, ben] = await pair();
  await ask(ann, ben);
  await call(ann, "PUT", `/blocks/${ben.accountId}`);
  expect((await ask(ben, ann)).body.state).toBe("accepted");
  expect(await eventsOf(ann, ben)).toEqual(["ben: requested by ann"]);
});
