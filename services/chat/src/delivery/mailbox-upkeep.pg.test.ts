import type { Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ChatWorld, startChatWorld } from "../chat-node-fixture.ts";
import { parseChatConfig } from "../config.ts";
import { type ChatContext, createContext } from "../context.ts";
import { listEvents, listMail, putMail } from "./mailbox-fixture.ts";
import { clearLeftovers, FIRST_ROUND, keepMailboxes } from "./mailbox-upkeep.ts";
import { getNewestEnvelopeId, listGrown } from "./mailbox-upkeep-queries.ts";

const MINUTE = 60;
const DAY = 86_400;

let world: ChatWorld;
let context: ChatContext;

beforeAll(async () => {
  world = await startChatWorld();
  context = createContext(
    parseChatConfig({
      PORT: "0",
      LOG_LEVEL: "fatal",
      DATABASE_URL: world.database.urlFor("chat"),
      JWKS_URL: world.tokens.jwksUrl,
      PUBLIC_URL: "http://localhost:8080",
      WAITING_GRACE_SECONDS: "30",
      MAILBOX_DAYS: "30",
      MAILBOX_ENVELOPES: "10",
    }),
  );
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

const put = (people: Pair, count: number, ageSeconds: number) =>
  putMail(world.owner, { ...people, count, ageSeconds });
const told = async () => (await listEvents(world.owner, "chat.inbox-waiting")).map(({ data }) => data);

async function gapOf({ deviceId }: Resident): Promise<Date | null> {
  const { rows } = await world.owner.query("select gap_at from chat.device where device_id = $1", [deviceId]);
  return rows[0].gap_at;
}

describe("mail that was kept for too long or is too much", () => {
  test("is dropped oldest first, and the device is told by a gap", async () => {
    const people = await pair();
    const expired = await put(people, 3, 31 * DAY);
    const kept = await put(people, 2, 29 * DAY);
    await keepMailboxes(context);
    expect(await listMail(world.owner, people.to)).toEqual(kept);
    expect(expired).toHaveLength(3);
    expect(await gapOf(people.to)).toBeInstanceOf(Date);
  });

  test("goes beyond the size of a mailbox first, and no further", async () => {
    const people = await pair();
    const sent = await put(people, 13, MINUTE);
    await keepMailboxes(context);
    expect(await listMail(world.owner, people.to)).toEqual(sent.slice(3));
    expect(await gapOf(people.to)).toBeInstanceOf(Date);
  });

  test("opens no gap where nothing was dropped", async () => {
    const people = await pair();
    const sent = await put(people, 10, 29 * DAY);
    await keepMailboxes(context);
    expect(await listMail(world.owner, people.to)).toEqual(sent);
    expect(await gapOf(people.to)).toBeNull();
  });

  test("is counted only in mailboxes that have grown and may be too large", async () => {
    const { to, ...people } = await pair();
    const deviceIds = [to.deviceId];
    const grown = (keep: number, grownAfter: number) =>
      context.db.transaction().execute((tx) => listGrown(tx, deviceIds, { keep, grownAfter }));
    await put({ to, ...people }, 11, MINUTE);
    const newest = await context.db.transaction().execute(getNewestEnvelopeId);
    expect([await grown(10, 0), await grown(11, 0), await grown(10, newest)]).toEqual([deviceIds, [], []]);
    await put({ to, ...people }, 1, 0);
    expect(await grown(10, newest)).toEqual(deviceIds);
    let cursor = FIRST_ROUND;
    for (let course = 0; course < 4; course += 1) cursor = await keepMailboxes(context, cursor);
    expect(await listMail(world.owner, to)).toHaveLength(10);
    const before = await put({ to, ...people }, 2, 0);
    await keepMailboxes(context, cursor);
    expect((await listMail(world.owner, to)).slice(-2)).toEqual(before);
    expect(await listMail(world.owner, to)).toHaveLength(10);
  });

  test("opens a newer gap than the one a device is just acknowledging", async () => {
    const people = await pair();
    await put(people, 11, MINUTE);
    await keepMailboxes(context);
    const first = await gapOf(people.to);
    await put(people, 1, 0);
    await keepMailboxes(context);
    expect((await gapOf(people.to))?.getTime()).toBeGreaterThan(first?.getTime() ?? 0);
  });
});

test("rounds of a few devices each reach every mailbox, and begin anew after the last", async () => {
  const pairs = await Promise.all(Array.from({ length: 7 }, pair));
  for (const people of pairs) await put(people, 2, MINUTE);
  let cursor = FIRST_ROUND;
  const cursors: (string | undefined)[] = [];
  for (let round = 0; round < 4; round += 1) {
    cursor = await keepMailboxes(context, cursor, 2);
    cursors.push(cursor.after);
  }
  const expected = pairs.map(({ to }) => to.deviceId).sort();
  expect((await told()).map(({ deviceId }) => deviceId).sort()).toEqual(expected);
  expect(cursors[0]).toBe(expected[1]);
  expect(cursors[3]).toBe("00000000-0000-0000-0000-000000000000");
});

test("two nodes at once tell of a device once, and the one held off loses its place to nobody", async () => {
  const people = await pair();
  await put(people, 1, MINUTE);
  await Promise.all(Array.from({ length: 6 }, () => keepMailboxes(context)));
  expect(await told()).toHaveLength(1);
  const holder = await world.owner.connect();
  await holder.query("begin; select pg_advisory_xact_lock(5078, 0)");
  const other = await pair();
  await put(other, 1, MINUTE);
  const cursor = { ...FIRST_ROUND, after: people.to.deviceId };
  expect(await keepMailboxes(context, cursor)).toBe(cursor);
  expect(await told()).toHaveLength(1);
  await holder.query("rollback");
  holder.release();
  await keepMailboxes(context);
  expect(await told()).toHaveLength(2);
});

test("the event and the mark stand and fall together", async () => {
  const people = await pair();
  await put(people, 1, MINUTE);
  const failing = {
    ...context,
    ids: {
      uuidv7: (): string => {
        throw new Error("no id");
      },
    },
  };
  await expect(keepMailboxes(failing)).rejects.toThrow("no id");
  await keepMailboxes(context);
  expect(await told()).toHaveLength(1);
});

test("nodes not seen for a day and limits that have run out are forgotten, others stay", async () => {
  const nowMs = context.clock.now().getTime();
  await world.owner.query(
    `insert into chat.node (node_id, name, seen_at) values
       (gen_random_uuid(), 'gone', now() - interval '25 hours'), (gen_random_uuid(), 'away', now() - interval '23 hours')`,
  );
  await world.owner.query(
    "insert into chat.rate_limit (key, points, expire) values ('old', 1, $1), ('new', 1, $2), ('ever', 1, null)",
    [nowMs - 1, nowMs + 60_000],
  );
  await world.owner.query(
    `insert into chat.revoked_session values (gen_random_uuid(), now() - interval '21 minutes'),
       (gen_random_uuid(), now() - interval '19 minutes')`,
  );
  await clearLeftovers(context);
  const revoked = await world.owner.query("select 1 from chat.revoked_session");
  expect(revoked.rows).toHaveLength(1);
  const nodes = await world.owner.query("select name from chat.node");
  const limits = await world.owner.query("select key from chat.rate_limit order by key");
  expect(nodes.rows).toEqual([{ name: "away" }]);
  expect(limits.rows).toEqual([{ key: "ever" }, { key: "new" }]);
});
