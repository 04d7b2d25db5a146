import { randomBytes } from "node:crypto";
import type { SendMessageRequest } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, startChatWorld, until } from "../chat-node-fixture.ts";
import { listEvents } from "../delivery/mailbox-fixture.ts";
import type { StoredBatch } from "./message-queries.ts";
import {
  addDevice,
  compose,
  findRows,
  openSocket,
  type Sent,
  sendByRequest,
  sendBySocket,
} from "./message-world-fixture.ts";
import { storeBatch } from "./store-batch.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

async function pair() {
  const [alice, bob] = (await world.people(2)) as [Resident, Resident];
  return { alice, bob, conversationId: await world.talk(alice, bob) };
}

type Pair = Awaited<ReturnType<typeof pair>>;

const message = ({ alice, bob, conversationId }: Pair) => compose(conversationId, [alice, bob], [bob]);

async function expectStoredOnce(request: SendMessageRequest, answers: readonly Sent[], devices: string[]) {
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size, JSON.stringify(answers)).toBe(1);
  expect(answers[0]).toMatchObject({ accepted: { messageId: request.messageId } });
  expect(await findRows(world.owner, request.messageId)).toEqual({ messages: 1, devices });
  const events = await listEvents(world.owner, "chat.message-accepted");
  expect(events.filter(({ data }) => data.messageId === request.messageId)).toHaveLength(1);
}

describe("the same message sent again", () => {
  test("one after the other, by socket and by request, is stored once and answered alike", async () => {
    const people = await pair();
    const socket = await openSocket(world, one, people.alice);
    const request = message(people);
    const answers = [
      await sendBySocket(socket, request),
      await sendBySocket(socket, request),
      await sendByRequest(world, one, people.alice, request),
      await sendByRequest(world, two, people.alice, request),
    ];
    await expectStoredOnce(request, answers, [people.bob.deviceId]);
  });

  test("by request first is the same message by socket", async () => {
    const people = await pair();
    const request = message(people);
    const first = await sendByRequest(world, two, people.alice, request);
    const again = await sendBySocket(await openSocket(world, one, people.alice), request);
    await expectStoredOnce(request, [first, again], [people.bob.deviceId]);
  });

  test("many times at once on both nodes is stored once and answered alike", async () => {
    const people = await pair();
    const socket = await openSocket(world, one, people.alice);
    for (let round = 0; round < 10; round += 1) {
      const request = message(people);
      const answers = await Promise.all([
        ...Array.from({ length: 4 }, () => sendBySocket(socket, request)),
        ...Array.from({ length: 4 }, () => sendByRequest(world, two, people.alice, request)),
        ...Array.from({ length: 2 }, () => sendByRequest(world, one, people.alice, request)),
      ]);
      await expectStoredOnce(request, answers, [people.bob.deviceId]);
    }
  });

  test("mixed with fresh ones in one batch: each is stored once, and the fresh ones in order", async () => {
    const people = await pair();
    const socket = await openSocket(world, one, people.alice);
    const old = Array.from({ length: 5 }, () => message(people));
    const before = await Promise.all(old.map((request) => sendBySocket(socket, request)));
    const fresh = Array.from({ length: 10 }, () => message(people));
    const mixed = fresh.flatMap((request, index) => [old[index % 5] as SendMessageRequest, request, request]);
    const answers = await Promise.all(mixed.map((request) => sendBySocket(socket, request)));
    for (const [index, request] of mixed.entries()) {
      expect(answers[index]).toMatchObject({ accepted: { messageId: request.messageId } });
      expect((await findRows(world.owner, request.messageId)).messages).toBe(1);
    }
    expect(answers[0]).toEqual(before[0]);
    const { rows } = await world.owner.query(
      "select message_id from chat.envelope where device_id = $1 order by envelope_id",
      [people.bob.deviceId],
    );
    expect(rows.map((row) => row.message_id)).toEqual([...old, ...fresh].map(({ messageId }) => messageId));
  });

  test("by many devices in many orders on both nodes at once: nothing fails, nothing is stored twice", async () => {
    const pairs = await Promise.all(Array.from({ length: 6 }, pair));
    for (let round = 0; round < 5; round += 1) {
      const requests = pairs.map((people) => ({ people, request: message(people) }));
      const answers = await Promise.all([
        ...requests.map(({ people, request }) => sendByRequest(world, one, people.alice, request)),
        ...requests
          .toReversed()
          .map(({ people, request }) => sendByRequest(world, two, people.alice, request)),
      ]);
      expect(answers.filter((answer) => "refused" in answer)).toEqual([]);
      for (const { people, request } of requests) {
        expect(await findRows(world.owner, request.messageId)).toEqual({
          messages: 1,
          devices: [people.bob.deviceId],
        });
      }
    }
  });

  test("costs its batch nothing: the others are stored, and of them alone are there envelopes and events", async () => {
    const pairs = await Promise.all(Array.from({ length: 3 }, pair));
    const committed: StoredBatch[] = [];
    const { pool, clock, ids } = one.context;
    const deps = {
      pool,
      clock,
      ids,
      onCommitted: (stored: StoredBatch) => committed.push(stored),
      onRepeated() {},
    };
    const batch = pairs.map((people) => ({
      senderAccountId: people.alice.accountId,
      senderDeviceId: people.alice.deviceId,
      request: message(people),
    }));
    const [firstAnswer] = await storeBatch(deps, batch.slice(1, 2));
    const answers = await storeBatch(deps, batch);
    expect(answers[1]).toEqual(firstAnswer);
    for (const [index, { request }] of batch.entries()) {
      const devices = [pairs[index]?.bob.deviceId ?? ""];
      await expectStoredOnce(request, [answers[index] as Sent], devices);
    }
    const others = [0, 2].map((index) => batch[index]?.request.messageId);
    expect(committed[1]?.rows.map(({ messageId }) => messageId)).toEqual(others);
    const { rows } = await world.owner.query(
      "select message_id from chat.envelope where envelope_id = any($1) order by envelope_id",
      [committed[1]?.envelopeIds],
    );
    expect(rows.map(({ message_id }) => message_id)).toEqual(others);
    // A batch of repeats alone has nothing to tell.
    expect(await storeBatch(deps, batch)).toEqual(answers);
    expect(committed).toHaveLength(2);
  });

  test("in opposite orders in two batches at once: neither batch fails", async () => {
    const pairs = await Promise.all(Array.from({ length: 30 }, pair));
    const deps = {
      pool: one.context.pool,
      clock: one.context.clock,
      ids: one.context.ids,
      onCommitted: () => {},
      onRepeated: () => {},
    };
    const batch = pairs.map((people) => ({
      senderAccountId: people.alice.accountId,
      senderDeviceId: people.alice.deviceId,
      request: message(people),
    }));
    // Stops both in the middle, so that each holds what the other needs, unless both take the same order.
    const holder = await world.owner.connect();
    await holder.query("begin");
    await holder.query(
      `insert into chat.message (message_id, conversation_id, sender_account_id, sender_device_id, content)
       values ($1, $1, $1, $1, '')`,
      [batch[15]?.request.messageId],
    );
    const outcomes = Promise.all([storeBatch(deps, batch), storeBatch(deps, batch.toReversed())]);
    await until("both batches waiting", async () => {
      const { rowCount } = await world.owner.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%chat.message%'",
      );
      return rowCount === 2;
    });
    await holder.query("rollback");
    holder.release();
    const settled = (await outcomes).flat();
    expect(settled.filter((outcome) => outcome === "retry" || "refused" in outcome)).toEqual([]);
  });

  test("after the recipient has added and removed devices still gets the first answer", async () => {
    const people = await pair();
    const request = message(people);
    const first = await sendByRequest(world, one, people.alice, request);
    await addDevice(world.owner, people.bob);
    const added = await sendByRequest(world, one, people.alice, request);
    await world.owner.query("delete from chat.device where device_id = $1", [people.bob.deviceId]);
    const removed = await sendByRequest(world, two, people.alice, request);
    expect([added, removed]).toEqual([first, first]);
    expect((await findRows(world.owner, request.messageId)).messages).toBe(1);
  });

  test("with other envelopes (the ratchet has moved on) is the same message: the content counts", async () => {
    const people = await pair();
    const request = message(people);
    const first = await sendByRequest(world, one, people.alice, request);
    const wrappedAnew = { ...message(people), messageId: request.messageId, content: request.content };
    expect(await sendByRequest(world, two, people.alice, wrappedAnew)).toEqual(first);
    const { rows } = await world.owner.query(
      "select encode(envelope, 'base64') as envelope from chat.envelope where message_id = $1",
      [request.messageId],
    );
    expect(rows).toEqual([{ envelope: request.recipients[1]?.devices[0]?.envelope }]);
  });
});

describe("another message under an id that is taken", () => {
  async function taken() {
    const people = await pair();
    const request = message(people);
    const first = await sendByRequest(world, one, people.alice, request);
    expect(first).toMatchObject({ accepted: {} });
    return { ...people, request, first };
  }

  const conflict = { refused: { code: "idempotency_conflict" } };

  test.each(["the same node", "another node"])("with other content is refused, on %s", async (where) => {
    const { alice, request } = await taken();
    const other = { ...request, content: randomBytes(60).toString("base64") };
    const node = where === "another node" ? two : one;
    expect(await sendByRequest(world, node, alice, other)).toMatchObject(conflict);
    const { rows } = await world.owner.query(
      "select encode(content, 'base64') as content from chat.message where message_id = $1",
      [request.messageId],
    );
    expect(rows[0].content.replaceAll("\n", "")).toBe(request.content);
  });

  test("in another conversation is refused", async () => {
    const { alice, request } = await taken();
    const [carol] = (await world.people(1)) as [Resident];
    const elsewhere = compose(await world.talk(alice, carol), [alice, carol], [carol], request.messageId);
    const answer = await sendByRequest(world, one, alice, { ...elsewhere, content: request.content });
    expect(answer).toMatchObject(conflict);
    expect((await findRows(world.owner, request.messageId)).devices).not.toContain(carol.deviceId);
  });

  test("by another device of the same account is refused", async () => {
    const { alice, bob, conversationId, request } = await taken();
    const tablet = await addDevice(world.owner, alice);
    const same = compose(conversationId, [alice, bob], [alice, bob], request.messageId);
    const answer = await sendByRequest(world, two, tablet, { ...same, content: request.content });
    expect(answer).toMatchObject(conflict);
  });

  test("by a stranger is refused, and tells nothing of the first", async () => {
    const { request } = await taken();
    const other = await pair();
    const stolen = compose(other.conversationId, [other.alice, other.bob], [other.bob], request.messageId);
    const answer = await sendByRequest(world, one, other.alice, stolen);
    expect(answer).toMatchObject(conflict);
    expect(JSON.stringify(answer)).not.toMatch(/acceptedAt|details/);
  });

  test("two contents at once under one id: one is stored, the other refused", async () => {
    const people = await pair();
    for (let round = 0; round < 10; round += 1) {
      const request = message(people);
      const other = { ...message(people), messageId: request.messageId };
      const answers = await Promise.all([
        sendByRequest(world, one, people.alice, request),
        sendByRequest(world, two, people.alice, other),
      ]);
      expect(answers.filter((answer) => "accepted" in answer)).toHaveLength(1);
      expect(answers.find((answer) => "refused" in answer)).toMatchObject(conflict);
      expect(await findRows(world.owner, request.messageId)).toEqual({
        messages: 1,
        devices: [people.bob.deviceId],
      });
    }
  });
});
