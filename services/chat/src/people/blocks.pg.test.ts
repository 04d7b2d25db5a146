import { limits } from "@sotto/contracts/limits";
import type { Block } from "@sotto/contracts/people-api";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { listEvents } from "../delivery/mailbox-fixture.ts";
import { ACCOUNT_LOCK_CLASS, accountLockKey } from "../devices/account-lock.ts";
import {
  addDevice,
  compose,
  findRows,
  openSocket,
  sendByRequest,
  sendBySocket,
} from "../messages/message-world-fixture.ts";
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

async function acquainted() {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  return { ann, ben, conversationId: await world.talk(ann, ben) };
}

const block = (from: Resident, to: { accountId: string }, node = one) =>
  callAs(world, node, from, ["PUT", `/blocks/${to.accountId}`]);
const unblock = (from: Resident, to: { accountId: string }, node = one) =>
  callAs(world, node, from, ["DELETE", `/blocks/${to.accountId}`]);

describe("messages of somebody who is blocked", () => {
  test("are answered as ever, by socket and request and when repeated, and never stored for the blocker, also not after the block", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const second = await addDevice(world.owner, ann);
    const socket = await openSocket(world, one, ann);
    await block(ben, ann);
    for (const send of [
      (request: ReturnType<typeof compose>) => sendBySocket(socket, request),
      (request: ReturnType<typeof compose>) => sendByRequest(world, two, ann, request),
    ]) {
      const request = compose(conversationId, [ann, ben], [second, ben]);
      const accepted = await send(request);
      expect(accepted).toEqual({
        accepted: { messageId: request.messageId, acceptedAt: expect.any(String) },
      });
      expect(await send(request)).toEqual(accepted);
      // The sender's other device gets it, which is how it sees what was sent.
      expect(await findRows(world.owner, request.messageId)).toEqual({
        messages: 1,
        devices: [second.deviceId],
      });
      await unblock(ben, ann);
      expect(await send(request)).toEqual(accepted);
      expect((await findRows(world.owner, request.messageId)).devices).toEqual([second.deviceId]);
      const events = await listEvents(world.owner, "chat.message-accepted");
      const [event] = events.filter(({ data }) => data.messageId === request.messageId);
      expect(event?.data.envelopes).toBe(2);
      await block(ben, ann);
    }
  });

  test("are refused for the same reasons with the same answers", async () => {
    const { ann, ben, conversationId } = await acquainted();
    await addDevice(world.owner, ben);
    const socket = await openSocket(world, one, ann);
    const request = compose(conversationId, [ann, ben], [ben]);
    const before = await sendBySocket(socket, request);
    expect(before).toMatchObject({ refused: { code: "device_mismatch" } });
    await block(ben, ann);
    expect(await sendBySocket(socket, request)).toEqual(before);
  });

  test("reach nobody who is connected, while others' do", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const [cleo] = (await world.people(1)) as [Resident];
    const withCleo = await world.talk(cleo, ben);
    const reader = await world.socket(one, ben);
    const seen: string[] = [];
    reader.on("inbox:envelopes", ({ envelopes }) => {
      for (const { messageId } of envelopes) seen.push(messageId);
    });
    await connect(reader);
    await block(ben, ann);
    const unseen = composeMessage(conversationId, ann, ben);
    const told = composeMessage(withCleo, cleo, ben);
    for (const node of [one, two]) {
      const [annSocket, cleoSocket] = [
        await openSocket(world, node, ann),
        await openSocket(world, node, cleo),
      ];
      await sendBySocket(annSocket, { ...unseen, messageId: v7() });
      await sendBySocket(cleoSocket, { ...told, messageId: v7() });
    }
    await until("the other's messages are there", () => seen.length >= 2);
    expect(seen).toHaveLength(2);
  });

  test("that were accepted before the block are delivered", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const socket = await openSocket(world, one, ann);
    const request = composeMessage(conversationId, ann, ben);
    await sendBySocket(socket, request);
    await block(ben, ann);
    expect((await findRows(world.owner, request.messageId)).devices).toEqual([ben.deviceId]);
  });

  test("are not stored once the block is answered: it waits for those that were looked at before", async () => {
    const { ann, ben } = await acquainted();
    const storer = await world.owner.connect();
    await storer.query("begin");
    await storer.query("select pg_advisory_xact_lock_shared($1, $2)", [
      ACCOUNT_LOCK_CLASS,
      accountLockKey(ben.accountId),
    ]);
    let isAnswered = false;
    const answer = block(ben, ann).finally(() => {
      isAnswered = true;
    });
    await until("the block waits", async () => {
      const { rowCount } = await world.owner.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rowCount === 1;
    });
    expect(isAnswered).toBe(false);
    await storer.query("commit");
    storer.release();
    expect((await answer).status).toBe(200);
  });

  test("sent while the block is being set are stored before it or not at all", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const socket = await openSocket(world, one, ann);
    for (let round = 0; round < 5; round += 1) {
      const early = Array.from({ length: 20 }, () => composeMessage(conversationId, ann, ben));
      const sending = early.map((request) => sendBySocket(socket, request));
      await block(ben, ann, two);
      const late = Array.from({ length: 20 }, () => composeMessage(conversationId, ann, ben));
      const answers = await Promise.all([
        ...sending,
        ...late.map((request) => sendBySocket(socket, request)),
      ]);
      expect(answers.every((answer) => "accepted" in answer)).toBe(true);
      for (const { messageId } of late) expect((await findRows(world.owner, messageId)).devices).toEqual([]);
      await unblock(ben, ann, two);
    }
  });
});

describe("whoever has blocked", () => {
  test("cannot write to the blocked, and is told why; a repeat of what was accepted before is answered as then", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const socket = await openSocket(world, one, ben);
    const before = composeMessage(conversationId, ben, ann);
    const accepted = await sendBySocket(socket, before);
    await block(ben, ann);
    expect(await sendBySocket(socket, composeMessage(conversationId, ben, ann))).toMatchObject({
      refused: { code: "account_blocked" },
    });
    expect(await sendBySocket(socket, before)).toEqual(accepted);
    await unblock(ben, ann);
    expect(await sendBySocket(socket, composeMessage(conversationId, ben, ann))).toHaveProperty("accepted");
  });

  test("does not get to see conversations that the blocked opens, until the block has ended", async () => {
    const [ann, ben] = (await world.people(2)) as [Resident, Resident];
    await block(ben, ann);
    const opened = await callAs(world, one, ann, ["PUT", `/conversations/direct/${ben.accountId}`]);
    expect(opened.status).toBe(200);
    const listed = async () => (await callAs(world, one, ben, ["GET", "/conversations"])).body.conversations;
    expect(await listed()).toEqual([]);
    expect((await callAs(world, one, ann, ["GET", "/conversations"])).body.conversations).toHaveLength(1);
    await unblock(ben, ann);
    expect(await listed()).toEqual([opened.body]);
  });

  test("cannot open a conversation with the blocked, but gets the one that is there", async () => {
    const { ann, ben, conversationId } = await acquainted();
    const [cleo] = (await world.people(1)) as [Resident];
    const open = (who: Resident) =>
      callAs(world, one, ben, ["PUT", `/conversations/direct/${who.accountId}`]);
    await block(ben, ann);
    await block(ben, cleo);
    expect((await open(ann)).body.conversationId).toBe(conversationId);
    expect(await open(cleo)).toMatchObject({ status: 403, body: { code: "account_blocked" } });
  });
});

test("typing is not shown between the two from the moment of the block on, on the node that took it, and again afterwards", async () => {
  const { ann, ben, conversationId } = await acquainted();
  const [typist, reader] = [await openSocket(world, one, ann), await world.socket(one, ben)];
  const seen: { active: boolean }[] = [];
  reader.on("typing:changed", (change) => seen.push(change));
  await connect(reader);
  const type = (active: boolean) => ask(typist, "typing:set", { conversationId, active });
  expect(await type(true)).toEqual({ ok: true, value: {} });
  await until("typing is seen", () => seen.length === 1);
  await block(ben, ann);
  expect(await type(false)).toEqual({ ok: true, value: {} });
  await unblock(ben, ann);
  await type(true);
  await until("typing is seen again", () => seen.length >= 2);
  expect(seen.map(({ active }) => active)).toEqual([true, true]);
});

describe("the list of blocks", () => {
  test("has each once, in pages in the order of their ids, the same for every repeat, and nobody else's", async () => {
    const [ann, ...others] = (await world.people(6)) as [Resident, ...Resident[]];
    const answers = [];
    for (const other of others) answers.push(await block(ann, other));
    expect(await block(ann, others[0] as Resident)).toEqual(answers[0]);
    await block(others[0] as Resident, ann);
    const listed = await listAll<Block>(
      (page) => callAs(world, one, ann, ["GET", `/blocks${page}`]),
      "blocks",
    );
    expect(listed).toEqual(
      answers.map(({ body }) => body).sort((a, b) => (a.accountId < b.accountId ? -1 : 1)),
    );
    for (const other of others) expect((await unblock(ann, other)).status).toBe(204);
    expect((await unblock(ann, others[0] as Resident)).status).toBe(204);
    expect((await callAs(world, one, ann, ["GET", "/blocks"])).body).toEqual({ blocks: [], next: null });
  });

  test("takes neither oneself nor anybody who does not exist, and no more than it can hold", async () => {
    const [ann, ben] = (await world.people(2)) as [Resident, Resident];
    expect(await block(ann, ann)).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(await block(ann, { accountId: v7() })).toMatchObject({ status: 404, body: { code: "not_found" } });
    await world.owner.query(
      `insert into chat.block (account_id, blocked_account_id, blocked_at)
       select $1, gen_random_uuid(), now() from generate_series(1, $2::int)`,
      [ann.accountId, limits.blocksPerAccount],
    );
    expect(await block(ann, ben)).toMatchObject({ status: 409, body: { code: "limit_reached" } });
  });
});
