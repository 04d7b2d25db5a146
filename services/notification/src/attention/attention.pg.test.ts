// What becomes of the events that say that messages wait: one push, later one digest, and nothing once somebody is there.
import type { DomainEvent } from "@sotto/contracts/events";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { upsertAddressee } from "../accounts/account-queries.ts";
import { forgetAccount } from "../accounts/forget-account.ts";
import { putPreferences, type StoredPreferences } from "../preferences/preference-queries.ts";
import { createAttentionMetrics } from "./attention-metrics.ts";
import { forgetWaiting } from "./forget-waiting.ts";
import { recordAttended } from "./record-attended.ts";
import { recordWaiting } from "./record-waiting.ts";
import { tellDue } from "./tell-due.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let database: TestDatabase;
let processes: Database<NotifyDatabase>[];
let owner: pg.Client;
let clockMs: number;

const log = createLogger({ service: "test", level: "silent" });

beforeAll(async () => {
  database = await createTestDatabase();
  const url = database.urlFor("notification");
  processes = [1, 2].map(() => createDatabase({ url, max: 4, applicationName: "test", log }));
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query(
    "truncate notify.waiting, notify.attention, notify.push, notify.push_subscription, notify.email, notify.processed_event",
  );
  clockMs = Date.parse("2026-06-01T12:00:00Z");
});
afterAll(async () => {
  await owner?.end();
  await Promise.all(processes.map((notify) => notify.close()));
  await database?.drop();
});

/** One of two processes of the service. */
function at(index = 0) {
  const { db } = processes[index] as Database<NotifyDatabase>;
  const clock = { now: () => new Date(clockMs), monotonicMs: () => clockMs };
  const attention = createAttentionMetrics(createMetrics(), db);
  const times = { digestAfterMs: 4 * HOUR_MS, digestEveryMs: 24 * HOUR_MS };
  return { db, clock, ids: systemIds, log, attention, ...times };
}

const inTx = <T>(work: Parameters<ReturnType<Database<NotifyDatabase>["db"]["transaction"]>["execute"]>[0]) =>
  at().db.transaction().execute(work) as Promise<T>;

async function join(known: { active?: boolean; email_verified?: boolean } = {}) {
  const accountId = systemIds.uuidv7();
  await inTx((tx) =>
    upsertAddressee(tx, {
      ...{ account_id: accountId, username: "alice", email: `${accountId}@example.org`, language: null },
      ...{ email_verified: true, active: true, as_of: new Date(0), ...known },
    }),
  );
  return { accountId, ...(await addDevice(accountId)) };
}

async function addDevice(accountId: string) {
  const deviceId = systemIds.uuidv7();
  await owner.query(
    `insert into notify.push_subscription
       (account_id, device_id, session_id, endpoint, host, p256dh, auth, server_key, created_at)
     values ($1, $2, gen_random_uuid(), 'https://push.example.org/x', 'push.example.org',
       decode(repeat('04', 65), 'hex'), decode(repeat('00', 16), 'hex'), decode(repeat('04', 65), 'hex'), now())`,
    [accountId, deviceId],
  );
  return { deviceId };
}

type Device = { accountId: string; deviceId: string };
const head = (key: string, atMs: number) =>
  ({ id: systemIds.uuidv7(), version: 1, occurredAt: new Date(atMs).toISOString(), key }) as const;
const waitingEvent = (device: Device, waiting = 1, atMs = clockMs): DomainEvent<"chat.inbox-waiting"> => ({
  ...head(device.accountId, atMs),
  type: "chat.inbox-waiting",
  data: { ...device, waiting },
});
const attendedEvent = ({ accountId }: Device, atMs = clockMs): DomainEvent<"chat.inbox-attended"> => ({
  ...head(accountId, atMs),
  type: "chat.inbox-attended",
  data: { accountId },
});
const wait = (device: Device, waiting?: number, atMs?: number) =>
  recordWaiting(at(), waitingEvent(device, waiting, atMs));
const attend = (device: Device, atMs?: number) => recordAttended(at(), attendedEvent(device, atMs));
const prefer = ({ accountId }: Device, change: Partial<StoredPreferences>) =>
  inTx((tx) => putPreferences(tx, accountId, change, new Date(clockMs)));

const pushes = async () =>
  (await owner.query("select device_id, outcome from notify.push order by id")).rows as {
    device_id: string;
    outcome: string | null;
  }[];
const digests = async () =>
  (
    await owner.query<{ content: { waiting: number } }>(
      "select content from notify.email where kind = 'digest' order by id",
    )
  ).rows.map(({ content }) => content.waiting);
const rows = async () => (await owner.query("select * from notify.waiting")).rows;

/** Lets time pass and everything be done that is due. */
async function pass(ms: number): Promise<void> {
  clockMs += ms;
  await tellDue(at());
}

describe("somebody who stays away", () => {
  it("gets one push at once and one digest after four hours, with the count of then, and nothing more", async () => {
    const device = await join();
    await wait(device, 2);
    await pass(0);
    expect(await pushes()).toEqual([{ device_id: device.deviceId, outcome: null }]);
    await pass(HOUR_MS);
    await wait(device, 7);
    await pass(2 * HOUR_MS);
    expect(await digests()).toEqual([]);
    await pass(HOUR_MS);
    expect(await digests()).toEqual([7]);
    for (let day = 0; day < 5; day += 1) {
      await wait(device, 10 + day);
      await pass(24 * HOUR_MS);
    }
    expect([(await pushes()).length, (await digests()).length]).toEqual([1, 1]);
  });

  it("gets a push at each of its devices, and one digest for all", async () => {
    const device = await join();
    const other = { ...device, ...(await addDevice(device.accountId)) };
    await wait(device, 2);
    await wait(other, 3);
    await pass(0);
    await pass(4 * HOUR_MS);
    const third = { ...device, ...(await addDevice(device.accountId)) };
    await wait(third, 4);
    await pass(48 * HOUR_MS);
    expect([(await pushes()).map((push) => push.device_id), await digests()]).toEqual([
      [device.deviceId, other.deviceId, third.deviceId],
      [3],
    ]);
  });

  it("gets them once, however often the events are told and however many processes there are", async () => {
    const device = await join();
    const event = waitingEvent(device, 2);
    const both = [at(0), at(1)];
    const everywhere = (work: (context: ReturnType<typeof at>) => Promise<void>) =>
      Promise.all([...both, ...both, ...both].map(work));
    await everywhere((context) => recordWaiting(context, event));
    await everywhere(tellDue);
    clockMs += 4 * HOUR_MS;
    await everywhere((context) => recordWaiting(context, event));
    await everywhere(tellDue);
    expect([(await pushes()).length, await digests()]).toEqual([1, [2]]);
  });

  it("gets the next digest a day after the last one, whatever happened between", async () => {
    const device = await join();
    await wait(device);
    await pass(4 * HOUR_MS);
    await attend(device);
    await owner.query("update notify.email set sent_at = now()");
    await pass(HOUR_MS);
    await wait(device, 5);
    await pass(22 * HOUR_MS);
    expect([(await pushes()).length, await digests()]).toEqual([2, []]);
    await pass(HOUR_MS);
    expect(await digests()).toEqual([5]);
  });
});

describe("somebody who is there again", () => {
  it("is sent nothing of what was due or queued, and is told anew the next time", async () => {
    const device = await join();
    await wait(device);
    await pass(0);
    await pass(HOUR_MS);
    await attend(device);
    await pass(24 * HOUR_MS);
    expect([(await pushes()).map(({ outcome }) => outcome), await digests(), await rows()]).toEqual([
      ["withdrawn"],
      [],
      [],
    ]);
    await wait(device);
    await pass(4 * HOUR_MS);
    expect([(await pushes()).map(({ outcome }) => outcome), await digests()]).toEqual([
      ["withdrawn", null],
      [1],
    ]);
  });

  it("is sent no digest that was queued and not sent", async () => {
    const device = await join();
    await wait(device);
    await pass(4 * HOUR_MS);
    expect(await digests()).toEqual([1]);
    await attend(device);
    expect(await digests()).toEqual([]);
  });

  it("is not told by an event that is older than that and comes late", async () => {
    const device = await join();
    await attend(device);
    await attend(device, clockMs - MINUTE_MS);
    await wait(device, 3, clockMs - 1);
    await pass(4 * HOUR_MS);
    expect([await pushes(), await digests(), await rows()]).toEqual([[], [], []]);
  });

  it("is sent nothing when that is recorded while its push is just being queued", async () => {
    const device = await join();
    await wait(device);
    await owner.query("begin");
    await owner.query("select pg_advisory_xact_lock(5084, hashtext($1))", [device.accountId]);
    const telling = tellDue(at());
    const blocked = async () =>
      (await owner.query("select from pg_locks where locktype = 'advisory' and not granted")).rowCount;
    try {
      await expect.poll(blocked, { timeout: 5000 }).toBe(1);
      await owner.query("delete from notify.waiting");
    } finally {
      await owner.query("commit");
    }
    await telling;
    expect(await pushes()).toEqual([]);
  });

  it("takes back nothing that was told later, when the event of it comes late", async () => {
    const device = await join();
    await attend(device, clockMs);
    await wait(device, 1, clockMs + 10);
    await pass(MINUTE_MS);
    await attend(device, clockMs - MINUTE_MS + 5);
    await attend(device, clockMs - MINUTE_MS);
    expect((await pushes()).map(({ outcome }) => outcome)).toEqual([null]);
    await pass(4 * HOUR_MS);
    expect([(await pushes()).length, await digests()]).toEqual([1, [1]]);
  });

  it("is told of what was told later and taken for a repeat, when the event of it comes late", async () => {
    const device = await join();
    await wait(device, 1);
    await pass(0);
    await wait(device, 2, clockMs + 2 * MINUTE_MS);
    await attend(device, clockMs + MINUTE_MS);
    await pass(3 * MINUTE_MS);
    expect((await pushes()).map(({ outcome }) => outcome)).toEqual(["withdrawn", null]);
    await pass(4 * HOUR_MS);
    expect(await digests()).toEqual([2]);
  });
});

describe("nothing is sent", () => {
  it("in quiet hours: what is due then is due when they end, unless somebody is there before", async () => {
    const [sleeper, riser] = [await join(), await join()];
    for (const who of [sleeper, riser])
      await prefer(who, { time_zone: "Europe/Berlin", quiet_from: 13 * 60, quiet_to: 20 * 60 });
    await wait(sleeper);
    await wait(riser);
    await pass(0);
    await pass(5 * HOUR_MS);
    expect([await pushes(), await digests()]).toEqual([[], []]);
    await attend(riser);
    await pass(HOUR_MS);
    expect([await pushes(), await digests()]).toEqual([
      [{ device_id: sleeper.deviceId, outcome: null }],
      [1],
    ]);
  });

  it("by a channel that is switched off, and by the other all the same", async () => {
    const [noPush, noDigest] = [await join(), await join()];
    await prefer(noPush, { push: false });
    await prefer(noDigest, { email_digest: false });
    await wait(noPush, 3);
    await wait(noDigest, 4);
    await pass(4 * HOUR_MS);
    expect((await pushes()).map((push) => push.device_id)).toEqual([noDigest.deviceId]);
    expect(await digests()).toEqual([3]);
  });

  it("to an account that is unknown or not active", async () => {
    await wait(await join({ active: false }));
    const { deviceId } = await join();
    await wait({ accountId: systemIds.uuidv7(), deviceId });
    await pass(4 * HOUR_MS);
    await pass(24 * HOUR_MS);
    expect([await pushes(), await digests()]).toEqual([[], []]);
  });

  it("for a device that is gone, nor to an account that is", async () => {
    const [device, gone] = [await join(), await join()];
    await wait(device);
    await wait(gone);
    await forgetWaiting(at(), {
      ...head(device.accountId, clockMs),
      type: "chat.device-removed",
      data: { accountId: device.accountId, deviceId: device.deviceId },
    });
    await forgetAccount(at(), {
      ...head(gone.accountId, clockMs),
      type: "user.account-deleted",
      data: { accountId: gone.accountId },
    });
    await wait(gone);
    await pass(4 * HOUR_MS);
    expect([await pushes(), await digests(), await rows()]).toEqual([[], [], []]);
    const { rows: left } = await owner.query("select account_id from notify.attention");
    expect(left).toEqual([{ account_id: device.accountId }]);
  });
});

it("an account that cannot be told is tried again, and keeps nobody else from being told", async () => {
  const [broken, other] = [await join(), await join()];
  await wait(broken);
  await wait(other);
  await owner.query(
    `alter table notify.push add constraint broken check (account_id <> '${broken.accountId}') not valid`,
  );
  await pass(0);
  await pass(0);
  expect((await pushes()).map((push) => push.device_id)).toEqual([other.deviceId]);
  await owner.query("alter table notify.push drop constraint broken");
  await pass(MINUTE_MS);
  expect((await pushes()).map((push) => push.device_id).sort()).toEqual(
    [broken.deviceId, other.deviceId].sort(),
  );
});
