import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { deleteUnsentPushes, queuePush } from "./queue-push.ts";

const MINUTE_MS = 60_000;

let database: TestDatabase;
let notify: Database<NotifyDatabase>;
let owner: pg.Client;
let clockMs: number;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 8, applicationName: "test", log });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query("truncate notify.push, notify.push_subscription");
  clockMs = Date.parse("2026-01-01T00:00:00Z");
});
afterAll(async () => {
  await owner?.end();
  await notify?.close();
  await database?.drop();
});

const clock = { now: () => new Date(clockMs), monotonicMs: () => clockMs };

async function subscribedDevice(accountId = systemIds.uuidv7()) {
  const device = { accountId, deviceId: systemIds.uuidv7() };
  await owner.query(
    `insert into notify.push_subscription
       (account_id, device_id, session_id, endpoint, host, p256dh, auth, server_key, created_at)
     values ($1, $2, gen_random_uuid(), 'https://push.example.org/x', 'push.example.org',
       decode(repeat('04', 65), 'hex'), decode(repeat('00', 16), 'hex'), decode(repeat('04', 65), 'hex'), now())`,
    [device.accountId, device.deviceId],
  );
  return device;
}

const queue = (device: { accountId: string; deviceId: string }, eventId = systemIds.uuidv7()) =>
  notify.db
    .transaction()
    .execute((tx) =>
      queuePush(tx, { clock, ids: systemIds }, { ...device, type: "messages-waiting", eventId }),
    );
const withdraw = (accountId: string) =>
  notify.db.transaction().execute((tx) => deleteUnsentPushes(tx, accountId));
const pushes = () => notify.db.selectFrom("push").selectAll().orderBy("id").execute();
const outcomes = async () => (await pushes()).map((push) => push.outcome);

it("an event queues one push to a device, however often it is told, also at the same time", async () => {
  const device = await subscribedDevice();
  const eventId = systemIds.uuidv7();
  const answers = await Promise.all(Array.from({ length: 6 }, () => queue(device, eventId)));
  expect(answers).toEqual(Array(6).fill(true));
  expect(await queue(device, eventId)).toBe(true);
  expect(await pushes()).toMatchObject([{ outcome: null, event_id: eventId, attempts: 0 }]);
});

it("one event queues a push to each of several devices", async () => {
  const first = await subscribedDevice();
  const second = await subscribedDevice(first.accountId);
  const eventId = systemIds.uuidv7();
  await queue(first, eventId);
  await queue(second, eventId);
  expect(await outcomes()).toEqual([null, null]);
});

it("a device without a subscription is told apart, and so is a device that is named with a foreign account", async () => {
  const device = await subscribedDevice();
  expect(await queue({ ...device, deviceId: systemIds.uuidv7() })).toBe(false);
  expect(await queue({ ...device, accountId: systemIds.uuidv7() })).toBe(false);
  expect(await pushes()).toEqual([]);
});

it("at most one push waits for a device: a newer one takes the place of an older, told at the same time or not", async () => {
  const device = await subscribedDevice();
  await queue(device);
  await queue(device);
  expect(await outcomes()).toEqual(["replaced", null]);
  await Promise.all(Array.from({ length: 6 }, () => queue(device)));
  expect((await outcomes()).filter((outcome) => outcome === null)).toHaveLength(1);
});

it("an older event that is told again replaces nothing", async () => {
  const device = await subscribedDevice();
  const eventId = systemIds.uuidv7();
  await queue(device, eventId);
  await queue(device);
  await queue(device, eventId);
  expect(await outcomes()).toEqual(["replaced", null]);
});

it("a newer push waits as long as the older one had to", async () => {
  const device = await subscribedDevice();
  await queue(device);
  const later = new Date(clockMs + 30 * MINUTE_MS);
  await owner.query("update notify.push set next_attempt_at = $1", [later]);
  clockMs += MINUTE_MS;
  await queue(device);
  expect(await pushes()).toMatchObject([{ outcome: "replaced" }, { outcome: null, next_attempt_at: later }]);
});

it("what is withdrawn is not sent, nor queued when its event is told again; nobody else's is touched", async () => {
  const device = await subscribedDevice();
  const other = await subscribedDevice();
  const eventId = systemIds.uuidv7();
  await queue(device, eventId);
  await queue(other);
  await withdraw(device.accountId);
  await queue(device, eventId);
  expect(await outcomes()).toEqual(["withdrawn", null]);
  await queue(device);
  expect(await outcomes()).toEqual(["withdrawn", null, null]);
});

it("what waits for a device goes with its subscription", async () => {
  const device = await subscribedDevice();
  await queue(device);
  await owner.query("delete from notify.push_subscription where device_id = $1", [device.deviceId]);
  expect(await pushes()).toEqual([]);
});
