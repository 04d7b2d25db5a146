// Who is told of waiting messages, when, and how often: the events that the notification service acts on.
import { randomUUID } from "node:crypto";
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Resident } from "@sotto/testkit/population";
import { sql, type Transaction } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createChatApp } from "../app.ts";
import { type ChatWorld, startChatWorld } from "../chat-node-fixture.ts";
import { parseChatConfig } from "../config.ts";
import { type ChatContext, createContext } from "../context.ts";
import { addDevice, listEvents, putMail } from "./mailbox-fixture.ts";
import { FIRST_ROUND, keepMailboxes } from "./mailbox-upkeep.ts";
import { tryLockUpkeep } from "./mailbox-upkeep-queries.ts";
import { deleteNode, recordConnection, recordDisconnections, recordNode } from "./presence-queries.ts";
import { listTold, listToldSiblings, markTold, resetAttended } from "./waiting-queries.ts";

const MINUTE = 60;

let world: ChatWorld;
let context: ChatContext;

beforeAll(async () => {
  world = await startChatWorld();
  const config = parseChatConfig({
    PORT: "0",
    LOG_LEVEL: "fatal",
    DATABASE_URL: world.database.urlFor("chat"),
    JWKS_URL: world.tokens.jwksUrl,
    PUBLIC_URL: "http://localhost:8080",
    WAITING_GRACE_SECONDS: "30",
  });
  context = createContext(config);
});
afterAll(async () => {
  await context.io.of("/").adapter.close();
  await context.close();
  await world.close();
});
beforeEach(async () => {
  await world.owner.query("truncate outbox.event, chat.envelope, chat.presence, chat.node");
});

async function pair() {
  const [from, to] = (await world.people(2)) as [Resident, Resident];
  return { from, to, conversationId: await world.talk(from, to) };
}

type Pair = Awaited<ReturnType<typeof pair>>;

const put = (people: Pair, count = 1, ageSeconds = MINUTE) =>
  putMail(world.owner, { ...people, count, ageSeconds });
const told = async () => (await listEvents(world.owner, "chat.inbox-waiting")).map(({ data }) => data);
const counts = async () => (await told()).map(({ waiting }) => waiting);
const attended = async () =>
  (await listEvents(world.owner, "chat.inbox-attended")).map(({ data }) => data.accountId);
const round = () => keepMailboxes(context);

/** Lets every sign of life, and everything that was told, be `seconds` older. */
async function age(seconds: number): Promise<void> {
  await world.owner.query(
    `update chat.presence set seen_at = seen_at - make_interval(secs => $1), told_at = told_at - make_interval(secs => $1)`,
    [seconds],
  );
  await world.owner.query("update chat.account set attended_at = attended_at - make_interval(secs => $1)", [
    seconds,
  ]);
}

async function connect(resident: Resident): Promise<() => Promise<void>> {
  const connectionId = randomUUID();
  await recordNode(context.pool, context.node.id, "one");
  const nodeId = context.node.id;
  expect(await recordConnection(context.pool, { ...resident, connectionId, nodeId }, () => 0)).toBeDefined();
  return () => recordDisconnections(context.pool, [{ deviceId: resident.deviceId, connectionId }]);
}

async function call(who: Resident, method: string, path: string, body?: object) {
  return createChatApp(context).request(`/api/chat${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${await world.token(who)}`,
      [DEVICE_HEADER]: who.deviceId,
      ...(body && { "Content-Type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

describe("a device that stays away from its mail", () => {
  test("is told of once, with how much waits, although it never connected", async () => {
    const people = await pair();
    await put(people, 4);
    for (let turn = 0; turn < 3; turn += 1) {
      await round();
      await age(MINUTE);
    }
    expect(await told()).toEqual([
      { accountId: people.to.accountId, deviceId: people.to.deviceId, waiting: 4 },
    ]);
    expect(await attended()).toEqual([]);
  });

  test("is not told of within the grace period, also when older mail waits that is no news", async () => {
    const people = await pair();
    await put(people, 4, 10);
    await round();
    expect(await told()).toEqual([]);
    const [read] = await put(people, 1, MINUTE);
    await world.owner.query(
      "update chat.member b set read_at = accepted_at from chat.message m where m.message_id = $1 and b.account_id = $2 and b.conversation_id = m.conversation_id",
      [read, people.to.accountId],
    );
    await round();
    expect(await told()).toEqual([]);
    await world.owner.query("update chat.message set accepted_at = accepted_at - interval '25 seconds'");
    await round();
    expect(await counts()).toEqual([4]);
  });

  test("is told of a higher count an hour later, not before, and of one that has not grown not at all", async () => {
    const people = await pair();
    await put(people, 2);
    await round();
    await put(people, 3);
    await age(59 * MINUTE);
    await round();
    expect(await counts()).toEqual([2]);
    await age(2 * MINUTE);
    await round();
    await round();
    expect(await counts()).toEqual([2, 5]);
    await age(61 * MINUTE);
    await round();
    expect(await counts()).toEqual([2, 5]);
    await world.owner.query("delete from chat.envelope");
    await put(people, 4);
    await round();
    expect(await counts()).toEqual([2, 5]);
  });
});

describe("nobody is told twice of one message", () => {
  test("after a connection and a disconnection only newer messages are told of, and all that wait are counted", async () => {
    const people = await pair();
    await put(people, 2);
    await round();
    await (await connect(people.to))();
    await age(MINUTE);
    await round();
    await round();
    expect([await counts(), await attended()]).toEqual([[2], [people.to.accountId]]);
    await put(people, 1);
    await round();
    expect(await counts()).toEqual([2, 3]);
  });

  test("after an acknowledgement by request neither, and not while it may be fetching", async () => {
    const people = await pair();
    await put(people, 3);
    await round();
    const page = await (await call(people.to, "GET", "/inbox?limit=1")).json();
    const envelopeIds = [page.envelopes[0].envelopeId];
    const answer = await call(people.to, "POST", "/inbox/acknowledgements", { envelopeIds });
    expect(await answer.json()).toEqual({ deleted: 1 });
    await round();
    expect(await attended()).toEqual([people.to.accountId]);
    await put(people, 1);
    await round();
    expect(await counts(), "while it may be fetching").toEqual([3]);
    await age(MINUTE);
    await round();
    await round();
    expect(await counts()).toEqual([3, 3]);
    expect(await attended()).toEqual([people.to.accountId]);
  });

  test("two telling at once tell once", async () => {
    const people = await pair();
    await put(people);
    await Promise.all(Array.from({ length: 6 }, round));
    expect(await told()).toHaveLength(1);
  });
});

describe("what is no news is not told of", () => {
  test("messages of one's own other device", async () => {
    const people = await pair();
    const other = await addDevice(world.owner, people.from);
    await putMail(world.owner, { ...people, to: other, count: 2, ageSeconds: MINUTE });
    await round();
    expect(await told()).toEqual([]);
    await putMail(world.owner, { ...people, from: people.to, to: other, count: 1, ageSeconds: MINUTE });
    await round();
    expect(await counts()).toEqual([1]);
  });

  test("messages that were read elsewhere, by request or by an older mark", async () => {
    const people = await pair();
    const [first, second] = await put(people, 2);
    const read = (messageId = "") =>
      call(people.to, "POST", `/conversations/${people.conversationId}/read`, { messageId });
    const { readAt } = await (await read(second)).json();
    expect(await (await read(first)).json()).toEqual({ readAt });
    await age(MINUTE);
    await round();
    expect(await told()).toEqual([]);
    await world.owner.query("update chat.message set accepted_at = accepted_at - interval '1 hour'");
    await put(people, 1);
    await round();
    expect(await counts()).toEqual([1]);
  });

  test("messages of a muted conversation, also when it is unmuted later; later ones are", async () => {
    const people = await pair();
    const path = `/conversations/${people.conversationId}/mute`;
    await put(people, 2);
    expect((await call(people.to, "PUT", path, { until: null })).status).toBe(204);
    await round();
    expect((await call(people.to, "DELETE", path)).status).toBe(204);
    await round();
    expect(await told()).toEqual([]);
    await call(people.to, "PUT", path, { until: "2001-01-01T00:00:00Z" });
    await put(people, 1);
    await round();
    expect(await counts()).toEqual([3]);
  });
});

describe("while a device of the account is connected", () => {
  test("none of its devices is told of", async () => {
    const people = await pair();
    const other = await addDevice(world.owner, people.to);
    const leave = await connect(other);
    await age(MINUTE);
    await put(people);
    await round();
    expect(await told()).toEqual([]);
    await leave();
    await round();
    expect(await told(), "within the grace period").toEqual([]);
    await age(MINUTE);
    await round();
    expect(await told()).toHaveLength(1);
  });

  test("it counts as away once its node has not been seen for 20 seconds, although presence says connected", async () => {
    const people = await pair();
    await connect(people.to);
    await age(MINUTE);
    await put(people);
    await round();
    expect(await told()).toEqual([]);
    await world.owner.query("update chat.node set seen_at = now() - interval '21 seconds'");
    await round();
    expect(await told()).toHaveLength(1);
  });

  test("it counts as away once its node has ended in good order", async () => {
    const people = await pair();
    await connect(people.to);
    await deleteNode(context.pool, context.node.id);
    await age(MINUTE);
    await put(people);
    await round();
    expect(await told()).toHaveLength(1);
  });
});

describe("somebody who was told of is there again", () => {
  test("when any of its devices connects, once for all of them", async () => {
    const people = await pair();
    const other = await addDevice(world.owner, people.to);
    await put(people);
    await put({ ...people, to: other });
    await round();
    expect(await told()).toHaveLength(2);
    await age(MINUTE);
    await round();
    expect(await attended()).toEqual([]);
    await connect(await addDevice(world.owner, people.to));
    await round();
    await round();
    expect(await attended()).toEqual([people.to.accountId]);
  });

  test("when it has read, although no device of it connects", async () => {
    const people = await pair();
    const [messageId] = await put(people);
    await round();
    await age(MINUTE);
    await call(people.to, "POST", `/conversations/${people.conversationId}/read`, { messageId });
    await round();
    expect(await attended()).toEqual([people.to.accountId]);
  });

  test("when its mail is gone, too", async () => {
    const people = await pair();
    await put(people);
    await round();
    await (await connect(people.to))();
    await world.owner.query("delete from chat.envelope");
    await round();
    expect(await attended()).toEqual([people.to.accountId]);
  });

  test("is not told of anew in the same round, and by its other devices' news only afterwards", async () => {
    const people = await pair();
    await put(people);
    await round();
    await (await connect(people.to))();
    await put(people);
    await age(MINUTE);
    // Also by a round that looks for it among other told devices.
    await keepMailboxes(context, { ...FIRST_ROUND, toldAfter: people.to.deviceId });
    expect([await told(), await attended()].map(({ length }) => length)).toEqual([1, 1]);
    await round();
    const events = await world.owner.query("select events from outbox.event order by id");
    expect(events.rows.flatMap((row) => row.events).map(({ type }) => type)).toEqual([
      "chat.inbox-waiting",
      "chat.inbox-attended",
      "chat.inbox-waiting",
    ]);
  });

  test("the event and the mark stand and fall together", async () => {
    const people = await pair();
    await put(people);
    await round();
    await (await connect(people.to))();
    const uuidv7 = (): string => {
      throw new Error("no id");
    };
    await expect(keepMailboxes({ ...context, ids: { uuidv7 } })).rejects.toThrow("no id");
    await round();
    expect(await attended()).toEqual([people.to.accountId]);
  });
});

test("rounds of a few told devices each find everybody who is there again", async () => {
  const pairs = await Promise.all(Array.from({ length: 5 }, pair));
  for (const people of pairs) await put(people);
  await round();
  for (const people of pairs) await (await connect(people.to))();
  await world.owner.query("truncate chat.envelope");
  let cursor = FIRST_ROUND;
  for (let turn = 0; turn < 3; turn += 1) cursor = await keepMailboxes(context, cursor, 2);
  expect((await attended()).sort()).toEqual(pairs.map(({ to }) => to.accountId).sort());
});

test("telling reads no table as a whole, however small it is", async () => {
  const people = await pair();
  await put(people, 3);
  await connect(people.to);
  await world.owner.query("update chat.node set seen_at = now() - interval '1 minute'");
  await age(MINUTE);
  const scans = await context.db.transaction().execute(async (tx) => {
    // The view counts what this connection did before as well, as long as it has not been reported.
    const before = await countScans(tx);
    expect(await tryLockUpkeep(tx)).toBe(true);
    const deviceIds = [people.to.deviceId];
    expect(await markTold(tx, deviceIds, { graceSeconds: 30, exceptAccounts: [] })).toHaveLength(1);
    expect(await listTold(tx, FIRST_ROUND.after, 10)).toEqual(deviceIds);
    expect(await listToldSiblings(tx, deviceIds)).toEqual(deviceIds);
    expect(await resetAttended(tx, deviceIds, 30)).toEqual([]);
    const after = await countScans(tx);
    return [...after].map(([table, { whole, byIndex }]) => ({
      table,
      whole: whole - (before.get(table)?.whole ?? 0),
      byIndex: byIndex - (before.get(table)?.byIndex ?? 0),
    }));
  });
  const used = ["account", "device", "envelope", "member", "message", "node", "presence"];
  expect(scans.filter(({ byIndex }) => byIndex > 0).map(({ table }) => table)).toEqual(used);
  expect(scans.filter(({ whole }) => whole > 0)).toEqual([]);
});

/** How often this connection has read each table of the service, as a whole and by an index. */
async function countScans(tx: Transaction<ChatDatabase>) {
  const { rows } = await sql<{ table: string; whole: string; by_index: string }>`
    select relname as table, coalesce(seq_scan, 0) as whole, coalesce(idx_scan, 0) as by_index
    from pg_stat_xact_user_tables where schemaname = 'chat' order by relname`.execute(tx);
  return new Map(rows.map((row) => [row.table, { whole: Number(row.whole), byIndex: Number(row.by_index) }]));
}
