import { limits } from "@sotto/contracts/limits";
import type { Contact } from "@sotto/contracts/people-api";
import type { Resident } from "@sotto/testkit/population";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ask as askBySocket,
  type ChatNode,
  type ChatWorld,
  connect,
  limitTo,
  startChatWorld,
  until,
} from "../chat-node-fixture.ts";
import { addDevice } from "../messages/message-world-fixture.ts";
import { callAs, listAll } from "./people-fixture.ts";

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
const ask = (from: Resident, to: { accountId: string }, node = one) =>
  callAs(world, node, from, ["PUT", `/contacts/${to.accountId}`]);
const drop = (from: Resident, to: { accountId: string }) =>
  callAs(world, one, from, ["DELETE", `/contacts/${to.accountId}`]);
const block = (from: Resident, to: { accountId: string }) =>
  callAs(world, one, from, ["PUT", `/blocks/${to.accountId}`]);
const unblock = (from: Resident, to: { accountId: string }) =>
  callAs(world, one, from, ["DELETE", `/blocks/${to.accountId}`]);
const contactsOf = (who: Resident, query = "") =>
  listAll<Contact>((page) => callAs(world, one, who, ["GET", `/contacts${page}${query}`]), "contacts");
const statesOf = async (who: Resident) =>
  (await contactsOf(who)).map(({ accountId, state }) => [accountId, state]);

describe("a request", () => {
  test("is outgoing for one and incoming for the other, the same when repeated, and a contact when answered", async () => {
    const [ann, ben] = await pair();
    const first = await ask(ann, ben);
    expect(first).toEqual({
      status: 200,
      body: {
        accountId: ben.accountId,
        state: "outgoing",
        requestedAt: expect.any(String),
        acceptedAt: null,
      },
    });
    expect(await ask(ann, ben, two)).toEqual(first);
    expect(await statesOf(ben)).toEqual([[ann.accountId, "incoming"]]);
    const accepted = await ask(ben, ann);
    expect(accepted.body).toMatchObject({ state: "accepted", requestedAt: first.body.requestedAt });
    expect(await ask(ben, ann)).toEqual(accepted);
    expect(await ask(ann, ben)).toEqual({
      ...accepted,
      body: { ...accepted.body, accountId: ben.accountId },
    });
    expect(await statesOf(ann)).toEqual([[ben.accountId, "accepted"]]);
  });

  test("of both at once, many times and on two nodes, makes them contacts, whoever comes first", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [ann, ben] = await pair();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          index % 2 === 0 ? ask(ann, ben, index % 4 ? one : two) : ask(ben, ann, index % 4 ? two : one),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect([await statesOf(ann), await statesOf(ben)]).toEqual([
        [[ben.accountId, "accepted"]],
        [[ann.accountId, "accepted"]],
      ]);
    }
  });

  test("can be declined, withdrawn and ended; whatever there is not is removed as well", async () => {
    const [ann, ben] = await pair();
    expect((await drop(ann, ben)).status).toBe(204);
    for (const remover of [ann, ben]) {
      await ask(ann, ben);
      expect((await drop(remover, remover === ann ? ben : ann)).status).toBe(204);
      expect([await statesOf(ann), await statesOf(ben)]).toEqual([[], []]);
    }
    await ask(ann, ben);
    await ask(ben, ann);
    expect((await drop(ann, ben)).status).toBe(204);
    expect(await statesOf(ben)).toEqual([]);
    expect((await drop(ann, { accountId: v7() })).status).toBe(204);
  });

  test("to oneself is refused, to nobody as opening a conversation with nobody", async () => {
    const [ann] = await pair();
    expect(await ask(ann, ann)).toMatchObject({ status: 400, body: { code: "bad_request" } });
    const nobody = v7();
    const asked = await ask(ann, { accountId: nobody });
    const opened = await callAs(world, one, ann, ["PUT", `/conversations/direct/${nobody}`]);
    const { requestId: _, ...told } = asked.body;
    expect(opened.body).toMatchObject(told);
    expect(asked.body.code).toBe("not_found");
    for (const id of ["x", nobody.toUpperCase(), "%00", "__proto__"])
      expect((await ask(ann, { accountId: id })).status, id).toBe(400);
  });
});

test("contacts are listed page by page in the order of their ids, each once, by state, and to the two alone", async () => {
  const [ann, ...others] = (await world.people(7)) as [Resident, ...Resident[]];
  const [ben, cleo, dan, eve, fay, gus] = others as [
    Resident,
    Resident,
    Resident,
    Resident,
    Resident,
    Resident,
  ];
  for (const asked of [ben, cleo, dan]) await ask(ann, asked);
  for (const asker of [eve, fay]) await ask(asker, ann);
  await ask(ben, ann);
  await ask(ann, eve);
  await ask(ben, gus);
  const byId = (people: Resident[]) => people.map(({ accountId }) => accountId).sort();
  const idsOf = async (query: string) => (await contactsOf(ann, query)).map(({ accountId }) => accountId);
  expect(await idsOf("")).toEqual(byId([ben, cleo, dan, eve, fay]));
  expect(await idsOf("&state=accepted")).toEqual(byId([ben, eve]));
  expect(await idsOf("&state=outgoing")).toEqual(byId([cleo, dan]));
  expect(await idsOf("&state=incoming")).toEqual(byId([fay]));
  expect((await callAs(world, one, ann, ["GET", "/contacts?state=hidden"])).status).toBe(400);
});

describe("too many", () => {
  test("requests in a short time are refused, on whichever node", async () => {
    const rules = limitTo({ "contacts.account": { burst: 3, perMinute: 0.01 } });
    const nodes = [await world.startNode(rules), await world.startNode(rules)] as const;
    const [ann, ben] = await pair();
    const answers = [];
    for (const index of [0, 1, 0, 1]) answers.push(await ask(ann, ben, nodes[index]));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect((await ask(ben, ann, nodes[0])).status).toBe(200);
  });

  test("contacts are refused; requests that others make do not count, and take nobody's place", async () => {
    const [ann, ben, cleo] = (await world.people(3)) as [Resident, Resident, Resident];
    const fill = (asker: string, count: number) =>
      world.owner.query(
        `insert into chat.contact (low, high, requested_by, requested_at)
         select least($1::uuid, o), greatest($1::uuid, o), coalesce($2::uuid, o), now()
         from (select gen_random_uuid() as o from generate_series(1, $3::int)) o`,
        [ann.accountId, asker === "ann" ? ann.accountId : null, count],
      );
    await fill("others", limits.contactsPerAccount);
    expect((await ask(ann, ben)).status).toBe(200);
    await fill("ann", limits.contactsPerAccount - 1);
    await ask(cleo, ann);
    expect(await ask(ann, cleo)).toMatchObject({ status: 409, body: { code: "limit_reached" } });
    // A repeat needs no place.
    expect((await ask(ann, ben)).status).toBe(200);
    await drop(ann, ben);
    expect((await ask(ann, cleo)).body.state).toBe("accepted");
  });

  test("contacts are refused also when they are asked at once", async () => {
    const [ann, ...others] = (await world.people(9)) as [Resident, ...Resident[]];
    await world.owner.query(
      `insert into chat.contact (low, high, requested_by, requested_at)
       select least($1::uuid, o), greatest($1::uuid, o), $1, now()
       from (select gen_random_uuid() as o from generate_series(1, $2::int)) o`,
      [ann.accountId, limits.contactsPerAccount - 2],
    );
    const answers = await Promise.all(others.map((other, index) => ask(ann, other, index % 2 ? one : two)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ body }) => body.code === "limit_reached")).toHaveLength(6);
  });
});

describe("a request to whoever takes none", () => {
  test("looks as any other, is hidden from the one that has blocked the asker, also afterwards, until it is made anew", async () => {
    const [ann, ben] = await pair();
    await block(ben, ann);
    expect((await ask(ann, ben)).body.state).toBe("outgoing");
    expect(await statesOf(ann)).toEqual([[ben.accountId, "outgoing"]]);
    expect(await statesOf(ben)).toEqual([]);
    await unblock(ben, ann);
    expect(await statesOf(ben)).toEqual([]);
    expect((await ask(ann, ben)).body.state).toBe("outgoing");
    expect(await statesOf(ben)).toEqual([[ann.accountId, "incoming"]]);
  });

  test("is hidden from whoever lets nobody write, and accepted when that one asks", async () => {
    const [ann, ben] = await pair();
    await callAs(world, one, ben, ["PATCH", "/settings/privacy", { whoMayWriteFirst: "nobody" }]);
    expect((await ask(ann, ben)).body.state).toBe("outgoing");
    expect(await statesOf(ben)).toEqual([]);
    expect((await ask(ben, ann)).body.state).toBe("accepted");
    expect(await statesOf(ann)).toEqual([[ben.accountId, "accepted"]]);
  });

  test("is refused to the one that has blocked, which may know it", async () => {
    const [ann, ben] = await pair();
    await block(ann, ben);
    expect(await ask(ann, ben)).toMatchObject({ status: 403, body: { code: "account_blocked" } });
  });

  test("contacts stay contacts for the blocked, are out of sight for the blocker, and there again afterwards", async () => {
    const [ann, ben] = await pair();
    await ask(ann, ben);
    await ask(ben, ann);
    await block(ben, ann);
    expect([await statesOf(ann), await statesOf(ben)]).toEqual([[[ben.accountId, "accepted"]], []]);
    await unblock(ben, ann);
    expect(await statesOf(ben)).toEqual([[ann.accountId, "accepted"]]);
  });
});

describe("people:changed", () => {
  async function listen(who: Resident, node: ChatNode) {
    const socket = await world.socket(node, who);
    const told: unknown[] = [];
    socket.on("people:changed", (payload) => told.push(payload));
    await connect(socket);
    return told;
  }

  test("reaches the other devices of the account and whoever was asked, on every node", async () => {
    const [ann, ben] = await pair();
    const second = await addDevice(world.owner, ann);
    const annHere = await listen(ann, one);
    const annThere = await listen(second, two);
    const benThere = await listen(ben, two);
    await ask(ann, ben);
    await until("everybody is told", () => [annHere, annThere, benThere].every((told) => told.length > 0));
    expect(annHere[0]).toEqual({});
    const before = [annHere.length, annThere.length];
    await callAs(world, one, ann, ["PATCH", "/settings/privacy", { presence: "nobody" }]);
    await until(
      "settings are told",
      () => annHere.length > (before[0] as number) && annThere.length > (before[1] as number),
    );
  });

  test("tells the blocker nothing of requests that are hidden from it, and the blocked nothing of the block", async () => {
    const [ann, ben] = await pair();
    const socket = await world.socket(one, ben);
    let told = 0;
    socket.on("people:changed", () => {
      told += 1;
    });
    await connect(socket);
    /** What was sent to the blocker before its answer has arrived before it. */
    const toldByNow = async () => {
      await askBySocket(socket, "inbox:ack", { envelopeIds: [1] });
      return told;
    };
    const blocked = await listen(ann, one);
    await block(ben, ann);
    await until("the blocker's own device is told", () => told === 1);
    await ask(ann, ben);
    await until("the asker's own device is told", () => blocked.length === 1);
    expect(await toldByNow()).toBe(1);
    await drop(ann, ben);
    await until("the asker's own device is told again", () => blocked.length === 2);
    expect(await toldByNow()).toBe(1);
    await unblock(ben, ann);
    await until("the end of the block is told", () => told === 2);
    expect(blocked).toHaveLength(2);
  });
});
