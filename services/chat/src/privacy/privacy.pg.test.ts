import type { PrivacySettings } from "@sotto/contracts/people-api";
import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { openSocket } from "../messages/message-world-fixture.ts";
import { callAs } from "../people/people-fixture.ts";

let world: ChatWorld;
let open: ChatNode;
let reserved: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  open = await world.startNode({ NODE_NAME: "open" });
  reserved = await world.startNode({ NODE_NAME: "reserved", DEFAULT_WHO_MAY_WRITE_FIRST: "contacts" });
});
afterAll(() => world.close());

const people = async () => (await world.people(2)) as [Resident, Resident];
const change = (who: Resident, body: Partial<PrivacySettings>, node = open) =>
  callAs(world, node, who, ["PATCH", "/settings/privacy", body]);
const read = async (who: Resident, node = open) =>
  (await callAs(world, node, who, ["GET", "/settings/privacy"])).body;
const openWith = (from: Resident, to: Resident, node = open) =>
  callAs(world, node, from, ["PUT", `/conversations/direct/${to.accountId}`]);
const befriend = async (a: Resident, b: Resident) => {
  await callAs(world, open, a, ["PUT", `/contacts/${b.accountId}`]);
  await callAs(world, open, b, ["PUT", `/contacts/${a.accountId}`]);
};

describe("settings", () => {
  test("that were never set are the installation's, also after others were set", async () => {
    const [ann] = await people();
    const usual = { whoMayWriteFirst: "everyone", presence: "everyone", receipts: "everyone" };
    expect(await read(ann)).toEqual(usual);
    expect(await read(ann, reserved)).toEqual({ ...usual, whoMayWriteFirst: "contacts" });
    expect((await change(ann, { receipts: "nobody" })).body).toEqual({ ...usual, receipts: "nobody" });
    expect(await read(ann, reserved)).toMatchObject({ whoMayWriteFirst: "contacts", receipts: "nobody" });
  });

  test("set at the same time are all set", async () => {
    const [ann] = await people();
    await Promise.all([
      change(ann, { whoMayWriteFirst: "nobody" }),
      change(ann, { presence: "contacts" }, reserved),
      change(ann, { receipts: "nobody" }),
    ]);
    expect(await read(ann)).toEqual({ whoMayWriteFirst: "nobody", presence: "contacts", receipts: "nobody" });
  });

  test("are taken as they are known only; no change is no change", async () => {
    const [ann] = await people();
    for (const body of [
      { presence: "friends" },
      { presence: null },
      { unknown: "everyone" },
      { receipts: 1 },
    ])
      expect((await change(ann, body as object)).status, JSON.stringify(body)).toBe(400);
    expect((await change(ann, {})).status).toBe(200);
    const { rows } = await world.owner.query("select from chat.privacy where account_id = $1", [
      ann.accountId,
    ]);
    expect(rows).toEqual([]);
  });
});

describe("a first message", () => {
  test.each(["contacts", "nobody"] as const)(
    "to whoever lets %s write first is for contacts only",
    async (who) => {
      const [ann, ben] = await people();
      await change(ben, { whoMayWriteFirst: who });
      const refused = await openWith(ann, ben);
      expect(refused).toMatchObject({ status: 403, body: { code: "contact_required" } });
      // A request alone is not enough.
      await callAs(world, open, ann, ["PUT", `/contacts/${ben.accountId}`]);
      expect((await openWith(ann, ben)).status).toBe(403);
      await befriend(ben, ann);
      expect((await openWith(ann, ben)).status).toBe(200);
    },
  );

  test("is refused by the installation's default, and let in by an account that says so", async () => {
    const [ann, ben] = await people();
    expect((await openWith(ann, ben, reserved)).status).toBe(403);
    await change(ben, { whoMayWriteFirst: "everyone" });
    expect((await openWith(ann, ben, reserved)).status).toBe(200);
  });

  test("opens the conversation for both: it goes on whatever is set later, and whoever asks for it again gets it", async () => {
    const [ann, ben] = await people();
    const opened = await openWith(ann, ben);
    await change(ben, { whoMayWriteFirst: "nobody" });
    expect(await openWith(ann, ben)).toEqual(opened);
  });

  test("of the reserved one itself is for the other to let in", async () => {
    const [ann, ben] = await people();
    await change(ben, { whoMayWriteFirst: "nobody" });
    expect((await openWith(ben, ann)).status).toBe(200);
    expect((await openWith(ann, ben)).status).toBe(200);
  });

  test.each(["everyone", "contacts", "nobody"] as const)(
    "of somebody blocked is let in or refused as it would be without the block, where %s may write",
    async (who) => {
      for (const areContacts of [false, true]) {
        const [ann, ben] = await people();
        const [cleo, dan] = await people();
        for (const [from, to] of [
          [ann, ben],
          [cleo, dan],
        ] as const) {
          await change(to, { whoMayWriteFirst: who });
          if (areContacts) await befriend(from, to);
        }
        await callAs(world, open, ben, ["PUT", `/blocks/${ann.accountId}`]);
        const [blocked, free] = [await openWith(ann, ben), await openWith(cleo, dan)];
        expect([blocked.status, blocked.body.code, blocked.body.detail]).toEqual([
          free.status,
          free.body.code,
          free.body.detail,
        ]);
      }
    },
  );
});

describe("typing", () => {
  test("is told to whom the typist lets know: everyone, contacts, or nobody; a change counts at once on its node", async () => {
    const [ann, ben] = await people();
    const conversationId = await world.talk(ann, ben);
    const typist = await openSocket(world, open, ann);
    const reader = await world.socket(open, ben);
    const seen: string[] = [];
    reader.on("typing:changed", ({ active }) => seen.push(String(active)));
    await connect(reader);
    const type = async (active: boolean) =>
      expect(await ask(typist, "typing:set", { conversationId, active })).toMatchObject({ ok: true });
    await type(true);
    await change(ann, { presence: "contacts" });
    await type(false);
    await befriend(ann, ben);
    await type(true);
    await change(ann, { presence: "nobody" });
    await type(false);
    await change(ann, { presence: "everyone" });
    await type(true);
    await until("what is let known is seen", () => seen.length >= 3);
    expect(seen).toEqual(["true", "true", "true"]);
    // What somebody lets know is no matter of those who are told.
    await change(ben, { presence: "nobody" });
    await type(false);
    await until("the reader still sees", () => seen.length === 4);
  });

  test("in a conversation of others is not_found, whatever is remembered", async () => {
    const [ann, ben] = await people();
    const [cleo] = await people();
    const conversationId = await world.talk(ann, ben);
    const [member, stranger] = [await openSocket(world, open, ann), await openSocket(world, open, cleo)];
    expect(await ask(member, "typing:set", { conversationId, active: true })).toMatchObject({ ok: true });
    expect(await ask(stranger, "typing:set", { conversationId, active: true })).toMatchObject({
      error: { code: "not_found" },
    });
  });
});
