import { randomBytes } from "node:crypto";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { KyselyPlugin } from "kysely";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";
import { listMail, putMail } from "../delivery/mailbox-fixture.ts";
import {
  addDevice,
  findRows,
  openSocket,
  sendByRequest,
  sendBySocket,
} from "../messages/message-world-fixture.ts";
import { callAs } from "../people/people-fixture.ts";
import { deleteAccount } from "./delete-account.ts";
import { finishDeletions } from "./finish-deletions.ts";

let world: ChatWorld;
let node: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
});
afterAll(() => world.close());

/** Tables in which a text is found anywhere, but for the one that keeps deleted accounts out. */
async function findTables(text: string): Promise<string[]> {
  const { rows } = await world.owner.query<{ name: string }>(
    `select table_schema || '.' || table_name as name from information_schema.tables
     where table_schema in ('chat', 'outbox') and table_type = 'BASE TABLE' and table_name <> 'deleted_account'`,
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const { rowCount } = await world.owner.query(
      `select from ${name} t where strpos(t::text, $1) > 0 limit 1`,
      [text],
    );
    if (rowCount) found.push(name);
  }
  return found;
}

/** Somebody with everything that an account can have, and a friend. */
async function settled() {
  const [ann, ben, cleo, dan] = (await world.people(4)) as [Resident, Resident, Resident, Resident];
  const second = await addDevice(world.owner, ann);
  const withBen = await world.talk(ann, ben);
  const withCleo = await world.talk(cleo, ann);
  await world.owner.query(
    `insert into chat.device_list (account_id, version, bytes, signature, created_at)
     select $1, n, $2, $2, now() from generate_series(1, 1200) n`,
    [ann.accountId, randomBytes(64)],
  );
  await world.owner.query(
    `insert into chat.one_time_prekey (device_id, key_id, public_key) select $1, n, $2 from generate_series(1, 100) n`,
    [ann.deviceId, randomBytes(33)],
  );
  await world.owner.query(
    `insert into chat.contact (low, high, requested_by, requested_at)
     select least($1::uuid, o), greatest($1::uuid, o), $1, now()
     from (select gen_random_uuid() as o from generate_series(1, 1100)) o`,
    [ann.accountId],
  );
  const calls: [Resident, string, string, unknown?][] = [
    [ann, "PUT", `/contacts/${ben.accountId}`],
    [ben, "PUT", `/contacts/${ann.accountId}`],
    [cleo, "PUT", `/contacts/${ann.accountId}`],
    [ann, "PUT", `/blocks/${dan.accountId}`],
    [dan, "PUT", `/blocks/${ann.accountId}`],
    [ann, "PATCH", "/settings/privacy", { receipts: "nobody" }],
  ];
  for (const [who, method, path, body] of calls)
    expect((await callAs(world, node, who, [method, path, body])).status, path).toBe(200);
  await putMail(world.owner, { from: ben, to: ann, conversationId: withBen, count: 700, ageSeconds: 1 });
  await putMail(world.owner, { from: ben, to: second, conversationId: withBen, count: 3, ageSeconds: 1 });
  const waiting = await putMail(world.owner, {
    ...{ from: ann, to: ben, conversationId: withBen, count: 3, ageSeconds: 1 },
  });
  const done = await putMail(world.owner, {
    ...{ from: ann, to: cleo, conversationId: withCleo, count: 5, ageSeconds: 1 },
  });
  await world.owner.query("delete from chat.envelope where message_id = any($1::uuid[])", [done]);
  // What the relay would have taken.
  await world.owner.query("delete from outbox.event");
  return { ann, second, ben, cleo, dan, withBen, withCleo, waiting, done };
}

const remove = ({ accountId }: Resident) => deleteAccount(node.context, accountId);
const QUICK = { pages: 20, pauseSeconds: 0 };

/** Goes through all messages until nothing is left to do for the account. */
async function finish({ accountId }: Resident): Promise<void> {
  await until("the course to end", async () => {
    // The node's own rounds pause when messages still waited.
    await world.owner.query(
      "update chat.deleted_account set course_at = now() where account_id = $1 and course_at > now()",
      [accountId],
    );
    await finishDeletions(node.context, QUICK);
    const { rows } = await world.owner.query(
      "select course_at from chat.deleted_account where account_id = $1 and cleared",
      [accountId],
    );
    return rows[0]?.course_at === null;
  });
}

describe("a deleted account", () => {
  test("is found in no table once everything of it has been acknowledged; until then its messages wait and are delivered", async () => {
    const people = await settled();
    const { ann, second, ben, waiting, done } = people;
    const limited = await world.startNode({ RATE_LIMITS: "{}" });
    await callAs(world, limited, ann, ["PUT", `/contacts/${ben.accountId}`]);
    expect(await findTables(ann.accountId)).toContain("chat.rate_limit");
    await remove(ann);
    for (let step = 0; step < 40; step += 1) await finishDeletions(node.context, QUICK);
    expect(await findTables(ann.accountId)).toEqual(["chat.message"]);
    expect(await listMail(world.owner, ben)).toEqual(waiting);
    for (const id of done) expect((await findRows(world.owner, id)).messages).toBe(0);
    for (const { deviceId } of [ann, second])
      expect((await findTables(deviceId)).filter((name) => name !== "chat.message")).toEqual([]);
    const page = await callAs(world, node, ben, ["GET", "/inbox?limit=50"]);
    expect(page.body.envelopes).toMatchObject(
      waiting.map((messageId) => ({ messageId, senderAccountId: ann.accountId })),
    );
    await callAs(world, node, ben, [
      "POST",
      "/inbox/acknowledgements",
      { envelopeIds: page.body.envelopes.map(({ envelopeId }) => envelopeId) },
    ]);
    await finish(ann);
    expect(await findTables(ann.accountId)).toEqual([]);
    expect(await findTables(second.deviceId)).toEqual([]);
    await world.owner.query(
      "update chat.deleted_account set deleted_at = now() - interval '2 days' where account_id = $1",
      [ann.accountId],
    );
    await finishDeletions(node.context);
    const { rows } = await world.owner.query("select from chat.deleted_account where account_id = $1", [
      ann.accountId,
    ]);
    expect(rows).toEqual([]);
  });

  test("takes nothing of anybody else along", async () => {
    const { ann, ben, cleo, dan, withBen } = await settled();
    const [eve] = (await world.people(1)) as [Resident];
    const other = await world.talk(ben, eve);
    await callAs(world, node, ben, ["PUT", `/contacts/${eve.accountId}`]);
    await callAs(world, node, dan, ["PUT", `/blocks/${eve.accountId}`]);
    const kept = await putMail(world.owner, {
      ...{ from: ben, to: eve, conversationId: other, count: 3, ageSeconds: 1 },
    });
    await remove(ann);
    await finishDeletions(node.context, { pages: 10_000, pauseSeconds: 0 });
    expect(await listMail(world.owner, eve)).toEqual(kept);
    expect((await callAs(world, node, ben, ["GET", "/contacts"])).body.contacts).toMatchObject([
      { accountId: eve.accountId },
    ]);
    expect((await callAs(world, node, dan, ["GET", "/blocks"])).body.blocks).toHaveLength(1);
    const { body } = await callAs(world, node, ben, ["GET", "/conversations"]);
    expect(body.conversations).toMatchObject([
      { conversationId: other, members: [ben.accountId, eve.accountId].sort() },
      { conversationId: withBen, members: [ben.accountId], kind: "direct" },
    ]);
    expect((await callAs(world, node, cleo, ["GET", "/devices"])).body.devices).toHaveLength(1);
    const socket = await openSocket(world, node, ben);
    expect(await sendBySocket(socket, composeMessage(other, ben, eve))).toHaveProperty("accepted");
  });

  test("cannot be written to any more: the conversation stays with the other one, and says so", async () => {
    const { ann, ben, withBen } = await settled();
    const socket = await openSocket(world, node, ben);
    await remove(ann);
    const refusal = { refused: { code: "not_found", detail: expect.stringContaining("deleted") } };
    expect(await sendBySocket(socket, composeMessage(withBen, ben, ann))).toMatchObject(refusal);
    expect(await sendByRequest(world, node, ben, composeMessage(withBen, ben, ann))).toMatchObject(refusal);
    for (const path of ["/conversations/direct/", "/contacts/", "/blocks/"])
      expect((await callAs(world, node, ben, ["PUT", `${path}${ann.accountId}`])).status, path).toBe(404);
    expect((await callAs(world, node, ben, ["GET", `/accounts/${ann.accountId}/devices`])).status).toBe(404);
    expect(await ask(socket, "typing:set", { conversationId: withBen, active: true })).toMatchObject({
      ok: true,
    });
  });

  test("loses its connections, and its last access token stores nothing of it again", async () => {
    const { ann, second, ben, cleo } = await settled();
    const socket = await world.socket(node, second);
    const closed: string[] = [];
    socket.on("session:closed", ({ reason }) => closed.push(reason));
    await connect(socket);
    await remove(ann);
    await until("the farewell", () => closed.length === 1);
    expect(closed).toEqual(["device_removed"]);
    await expect(connect(await world.socket(node, ann))).rejects.toMatchObject({
      data: { code: "device_unproven" },
    });
    const late: [string, string, unknown?][] = [
      ["PUT", `/conversations/direct/${cleo.accountId}`],
      ["PUT", `/contacts/${ben.accountId}`],
      ["PUT", `/blocks/${ben.accountId}`],
      ["PATCH", "/settings/privacy", { receipts: "nobody" }],
    ];
    for (const request of late)
      expect(await callAs(world, node, ann, request), request[1]).toMatchObject({
        status: 401,
        body: { code: "session_revoked" },
      });
    expect((await callAs(world, node, ann, ["GET", "/devices"])).body).toEqual({ devices: [] });
    expect((await findTables(ann.accountId)).filter((name) => name !== "chat.message")).toEqual([]);
  });

  test("that was never known is no error, and one that is deleted again stays deleted", async () => {
    const accountId = v7();
    await deleteAccount(node.context, accountId);
    await deleteAccount(node.context, accountId);
    const { ann } = await settled();
    await remove(ann);
    await remove(ann);
    expect((await findTables(ann.accountId)).filter((name) => name !== "chat.message")).toEqual([]);
  });
});

describe("a deletion that is cut short", () => {
  /** Ends the process, as far as the database can tell, before the statement after the first `count`. */
  function dyingAfter(count: number) {
    let left = count;
    const plugin: KyselyPlugin = {
      transformQuery({ node: query }) {
        left -= 1;
        if (left < 0) throw new Error("killed");
        return query;
      },
      transformResult: async ({ result }) => result,
    };
    return { ...node.context, db: node.context.db.withPlugin(plugin) };
  }

  test("before any of its statements goes on where it stood", async () => {
    for (let count = 0; ; count += 1) {
      const { ann } = await settled();
      const attempt = await deleteAccount(dyingAfter(count), ann.accountId).catch(
        (error: Error) => error.message,
      );
      if (attempt === undefined) {
        expect(count).toBeGreaterThan(20);
        break;
      }
      expect(attempt).toBe("killed");
      await remove(ann);
      expect(
        (await findTables(ann.accountId)).filter((name) => name !== "chat.message"),
        `after ${count}`,
      ).toEqual([]);
    }
  }, 120_000);

  test("is finished by whichever node finds it, though the event never comes again", async () => {
    const { ann } = await settled();
    await deleteAccount(dyingAfter(5), ann.accountId).catch(() => undefined);
    await finishDeletions(node.context, QUICK);
    expect((await findTables(ann.accountId)).length).toBeGreaterThan(1);
    await world.owner.query(
      "update chat.deleted_account set deleted_at = now() - interval '2 minutes' where account_id = $1",
      [ann.accountId],
    );
    await finishDeletions(node.context, QUICK);
    expect((await findTables(ann.accountId)).filter((name) => name !== "chat.message")).toEqual([]);
  });

  test("in its course over the messages goes on at the page it had come to", async () => {
    const { ann, ben } = await settled();
    await world.owner.query("delete from chat.envelope where device_id = $1", [ben.deviceId]);
    await remove(ann);
    await finishDeletions(node.context, { pages: 1, pauseSeconds: 0 });
    for (let kill = 0; kill < 6; kill += 1)
      await finishDeletions(dyingAfter(kill), { pages: 1, pauseSeconds: 0 }).catch(() => undefined);
    await finish(ann);
    expect(await findTables(ann.accountId)).toEqual([]);
  });
});

describe("at the same moment", () => {
  test("two who write to each other leave no conversation behind", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [ann, ben] = (await world.people(2)) as [Resident, Resident];
      const conversationId = await world.talk(ann, ben);
      await Promise.all([remove(ann), remove(ben)]);
      expect(await findTables(conversationId)).toEqual([]);
    }
  });

  test("whatever others begin with the account, and it with them, is gone afterwards or was refused", async () => {
    for (let round = 0; round < 8; round += 1) {
      const [ann, ben, cleo] = (await world.people(3)) as [Resident, Resident, Resident];
      const withCleo = await world.talk(ann, cleo);
      const socket = await openSocket(world, node, ann);
      const answers = await Promise.all([
        callAs(world, node, ben, ["PUT", `/conversations/direct/${ann.accountId}`]),
        callAs(world, node, ben, ["PUT", `/contacts/${ann.accountId}`]),
        callAs(world, node, ben, ["PUT", `/blocks/${ann.accountId}`]),
        remove(ann).then(() => ({ status: 200 })),
        callAs(world, node, ann, ["PUT", `/contacts/${cleo.accountId}`]),
        callAs(world, node, ann, ["PUT", `/conversations/direct/${ben.accountId}`]),
        callAs(world, node, ann, ["PATCH", "/settings/privacy", { presence: "nobody" }]),
        ...Array.from({ length: 10 }, () =>
          ask(socket, "message:send", composeMessage(withCleo, ann, cleo)).then(
            () => ({ status: 200 }),
            () => ({ status: 200 }),
          ),
        ),
      ]);
      for (const { status } of answers) expect([200, 401, 403, 404]).toContain(status);
      await world.owner.query("delete from chat.envelope where device_id = $1", [cleo.deviceId]);
      // What the relay would have taken.
      await world.owner.query("delete from outbox.event");
      await remove(ann);
      await finish(ann);
      expect(await findTables(ann.accountId)).toEqual([]);
    }
  }, 60_000);

  test("several nodes that finish deletions do it once", async () => {
    const deleted = [await settled(), await settled()];
    for (const { ann, ben } of deleted) {
      await world.owner.query("delete from chat.envelope where device_id = $1", [ben.deviceId]);
      await remove(ann);
    }
    await until("all courses to end", async () => {
      await Promise.all(Array.from({ length: 4 }, () => finishDeletions(node.context, QUICK)));
      const { rowCount } = await world.owner.query(
        "select from chat.deleted_account where course_at is not null and account_id = any($1::uuid[])",
        [deleted.map(({ ann }) => ann.accountId)],
      );
      return rowCount === 0;
    });
    for (const { ann } of deleted) expect(await findTables(ann.accountId)).toEqual([]);
  });
});

test("user.account-deleted comes over the bus", async () => {
  const { ann } = await settled();
  const { accountId } = ann;
  await world.publish({ type: "user.account-deleted", key: accountId, data: { accountId } });
  await until("everything but the messages to be gone", async () => {
    const tables = await findTables(ann.accountId);
    return tables.length === 1 && tables[0] === "chat.message";
  });
});
