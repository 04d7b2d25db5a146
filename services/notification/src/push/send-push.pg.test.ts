import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { startPushService, type TestPushService, type TestSubscription } from "@sotto/testkit/push-service";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { PollLoop } from "../delivery/poll-loop.ts";
import { createPushHttp, type PushHttp, TIMEOUTS } from "./push-http.ts";
import { addPushMetrics } from "./push-metrics.ts";
import { prunePushes } from "./push-queries.ts";
import { createPushSender, pushQueue } from "./push-sender.ts";
import { deleteUnsentPushes, queuePush } from "./queue-push.ts";
import type { SendDeps } from "./send-push.ts";
import { upsertSubscription } from "./subscription-queries.ts";
import { newVapidKey } from "./vapid-key-fixture.ts";
import { vapidPrivateKey } from "./vapid-keys.ts";

const PATIENT = { timeout: 20_000, interval: 20 };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let database: TestDatabase;
let notify: Database<NotifyDatabase>;
let owner: pg.Client;
let service: TestPushService;
let clockMs: number;
const services: TestPushService[] = [];
const senders: PollLoop[] = [];
/** Of all push services that were started. */
const hosts = new Set<string>();
let http: PushHttp;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 8, applicationName: "test", log });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const { ca } = await startService();
  const resolve = () => Promise.reject(new Error("no name is to be looked up"));
  http = createPushHttp({ hosts, ca, timeouts: TIMEOUTS, resolve });
});
beforeEach(async () => {
  await owner.query("truncate notify.push, notify.push_subscription, outbox.event");
  service = await startService();
  clockMs = Date.parse("2026-01-01T00:00:00Z");
});
afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.stop()));
  await Promise.all(services.splice(0).map((one) => one.stop()));
});
afterAll(async () => {
  http?.close();
  await owner?.end();
  await notify?.close();
  await database?.drop();
});

async function startService(): Promise<TestPushService> {
  const started = await startPushService();
  services.push(started);
  hosts.add(started.host);
  return started;
}

const clock = { now: () => new Date(clockMs), monotonicMs: () => clockMs };
const keys = vapidPrivateKey.parse(newVapidKey());

function sendDeps(changes: Partial<SendDeps> = {}): SendDeps {
  return {
    ...{ db: notify.db, clock, ids: systemIds, http, keys },
    log: createLogger({ service: "test", level: "silent" }),
    subject: "mailto:ops@sotto.example",
    pushes: addPushMetrics(createMetrics(), notify.db),
    ...changes,
  };
}

type Device = { accountId: string; deviceId: string };

function subscribe(device: Device, { endpoint, keys: { p256dh, auth } }: TestSubscription): Promise<void> {
  return notify.db.transaction().execute((tx) =>
    upsertSubscription(tx, {
      account_id: device.accountId,
      device_id: device.deviceId,
      session_id: systemIds.uuidv7(),
      endpoint,
      host: new URL(endpoint).host,
      p256dh: Buffer.from(p256dh, "base64url"),
      auth: Buffer.from(auth, "base64url"),
      server_key: Buffer.from(keys.publicKey, "base64url"),
      created_at: clock.now(),
    }),
  );
}

async function newDevice(subscription = service.subscribe({ serverKey: keys.publicKey })): Promise<Device> {
  const device = { accountId: systemIds.uuidv7(), deviceId: systemIds.uuidv7() };
  await subscribe(device, subscription);
  return device;
}

const queue = (device: Device, eventId = systemIds.uuidv7()) =>
  notify.db
    .transaction()
    .execute((tx) =>
      queuePush(tx, { clock, ids: systemIds }, { ...device, type: "messages-waiting", eventId }),
    );

/** Sends what is due, as the sender's loop does. @returns how many it tried. */
async function sendDue(deps: SendDeps, stopping = new AbortController().signal): Promise<number> {
  const { claim, deliver } = pushQueue(deps);
  const due = await claim({ limit: 100, full: [] });
  await Promise.all(due.map((push) => deliver(push, stopping)));
  return due.length;
}

const pushes = () => notify.db.selectFrom("push").selectAll().orderBy("id").execute();
const subscriptions = () => notify.db.selectFrom("push_subscription").selectAll().execute();
const events = async () =>
  (await owner.query<{ events: object[] }>("select events from outbox.event")).rows.flatMap(
    (row) => row.events,
  );

describe("a push", () => {
  it("is sent once, under the installation's key, and says for how long it is worth anything", async () => {
    await queue(await newDevice());
    clockMs += HOUR_MS;
    const deps = sendDeps();
    expect(await sendDue(deps)).toBe(1);
    expect(await sendDue(deps)).toBe(0);
    expect(service.faults).toEqual([]);
    expect(service.received).toMatchObject([
      {
        payload: expect.stringMatching(/^\{"v":1,"type":"messages-waiting"\} +$/),
        ttl: 23 * 3600,
        urgency: "high",
      },
    ]);
    expect(await pushes()).toMatchObject([{ outcome: "sent", settled_at: clock.now(), attempts: 1 }]);
  });

  it("is tried by one of several senders, and by another when that one died", async () => {
    const device = await newDevice();
    await queue(device);
    await queue(await newDevice());
    const { claim } = pushQueue(sendDeps());
    const [mine, theirs] = [await claim({ limit: 1, full: [] }), await claim({ limit: 100, full: [] })];
    expect(new Set([...mine, ...theirs].map(({ id }) => id)).size).toBe(2);
    expect(await sendDue(sendDeps())).toBe(0);
    clockMs += MINUTE_MS / 2;
    expect(await sendDue(sendDeps())).toBe(2);
    expect((await pushes()).map(({ attempts }) => attempts)).toEqual([2, 2]);
  });

  it("is not sent when it was withdrawn", async () => {
    const device = await newDevice();
    await queue(device);
    await notify.db.transaction().execute((tx) => deleteUnsentPushes(tx, device.accountId));
    expect(await sendDue(sendDeps())).toBe(0);
  });

  it("that was replaced while it was sent stays so, and the newer one is sent as well", async () => {
    const device = await newDevice();
    await queue(device);
    service.respondWith(async () => {
      await queue(device);
      return { status: 201 };
    });
    await sendDue(sendDeps());
    service.respondWith({ status: 201 });
    clockMs += MINUTE_MS;
    await sendDue(sendDeps());
    expect((await pushes()).map(({ outcome }) => outcome)).toEqual(["replaced", "sent"]);
  });

  it("is forgotten long after it was settled, and never before it is", async () => {
    const device = await newDevice();
    await queue(device);
    await sendDue(sendDeps());
    await queue(device);
    await prunePushes(notify.db, new Date(clockMs + DAY_MS));
    expect(await pushes()).toMatchObject([{ outcome: null }]);
  });
});

describe("a push service that says not now", () => {
  it.each([
    ["is overloaded", { status: 503 }, "push 503"],
    ["is tired of us", { status: 429 }, "push 429"],
  ])("is asked again, later each time, when it %s", async (_what, answer, error) => {
    service.respondWith(answer);
    await queue(await newDevice());
    const deps = sendDeps();
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      await sendDue(deps);
      const [push] = await pushes();
      expect(push).toMatchObject({ outcome: null, attempts: attempt, last_error: error });
      const waitMs = (push?.next_attempt_at.getTime() ?? 0) - clockMs;
      const wholeMs = Math.min(15 * MINUTE_MS, 2000 * 2 ** (attempt - 1));
      expect(waitMs).toBeGreaterThanOrEqual(wholeMs / 2);
      expect(waitMs).toBeLessThanOrEqual(wholeMs);
      clockMs += waitMs;
    }
    service.respondWith({ status: 201 });
    await sendDue(deps);
    expect(await pushes()).toMatchObject([{ outcome: "sent", last_error: null }]);
    expect(await events()).toEqual([]);
  });

  it("is left alone for as long as it asks, also by what comes later", async () => {
    const device = await newDevice();
    service.respondWith({ status: 429, headers: { "Retry-After": "3600" } });
    await queue(device);
    await sendDue(sendDeps());
    clockMs += HOUR_MS - 1000;
    await queue(device);
    expect(await sendDue(sendDeps())).toBe(0);
    clockMs += 1000;
    expect(await sendDue(sendDeps())).toBe(1);
  });

  it("is asked no more when the push is worth nothing any more, and that is told as an event", async () => {
    service.respondWith({ status: 500 });
    const device = await newDevice();
    const eventId = systemIds.uuidv7();
    await queue(device, eventId);
    await sendDue(sendDeps());
    clockMs += DAY_MS;
    await sendDue(sendDeps());
    expect(service.received).toHaveLength(1);
    expect(await pushes()).toMatchObject([{ outcome: "failed", last_error: "too old" }]);
    expect(await events()).toMatchObject([
      {
        type: "notification.delivery-failed",
        data: { sourceEventId: eventId, channel: "push", reason: "too old" },
      },
    ]);
  });

  it("until the push is worth nothing any more makes it be given up at once", async () => {
    service.respondWith({ status: 503, headers: { "Retry-After": "86400" } });
    await queue(await newDevice());
    await sendDue(sendDeps());
    expect(await pushes()).toMatchObject([{ outcome: "failed", last_error: "push 503" }]);
  });

  it("by not being there is asked again", async () => {
    await queue(await newDevice());
    await service.stop();
    await sendDue(sendDeps());
    expect(await pushes()).toMatchObject([{ outcome: null, last_error: "ECONNREFUSED" }]);
  });
});

describe("a subscription", () => {
  it.each([404, 410])("is gone with what waits for it when the push service says so (%d)", async (status) => {
    service.respondWith({ status });
    const device = await newDevice();
    await queue(device);
    await sendDue(sendDeps());
    expect(await subscriptions()).toEqual([]);
    expect(await pushes()).toEqual([]);
    expect(await queue(device)).toBe(false);
    expect(await events()).toEqual([]);
  });

  it("that took the place of one that is gone stays, and gets the push", async () => {
    const device = await newDevice();
    await queue(device);
    const second = service.subscribe();
    service.respondWith(async ({ endpoint }) => {
      if (endpoint === second.endpoint) return { status: 201 };
      await subscribe(device, second);
      return { status: 410 };
    });
    await sendDue(sendDeps());
    expect(await subscriptions()).toMatchObject([{ endpoint: second.endpoint }]);
    clockMs += MINUTE_MS;
    await sendDue(sendDeps());
    expect(await pushes()).toMatchObject([{ outcome: "sent" }]);
  });

  it("made under another key of this installation is dropped: no push service would take a push to it", async () => {
    const device = await newDevice();
    await queue(device);
    await sendDue(sendDeps({ keys: vapidPrivateKey.parse(newVapidKey()) }));
    expect(service.received).toEqual([]);
    expect(service.faults).toEqual([]);
    expect(await subscriptions()).toEqual([]);
  });

  it.each([400, 401, 403, 413, 307])(
    "stays when a push is refused (%d), which is told as an event",
    async (status) => {
      service.respondWith({ status, headers: { Location: "https://127.0.0.1/" } });
      const device = await newDevice();
      await queue(device);
      const deps = sendDeps();
      await sendDue(deps);
      clockMs += DAY_MS;
      expect(await sendDue(deps)).toBe(0);
      expect(await pushes()).toMatchObject([
        { outcome: "failed", attempts: 1, last_error: `push ${status}` },
      ]);
      expect(await subscriptions()).toHaveLength(1);
      expect(await events()).toMatchObject([{ data: { channel: "push", reason: `push ${status}` } }]);
      expect(await deps.pushes.get()).toMatchObject({
        values: [{ labels: { outcome: "failed" }, value: 1 }],
      });
    },
  );

  it("to which nothing has come through for two weeks is dropped; one push that is taken begins them anew", async () => {
    const device = await newDevice();
    const pushOn = async (day: number, status: number) => {
      clockMs = Date.parse("2026-01-01T00:00:00Z") + day * DAY_MS;
      service.respondWith({ status });
      await queue(device);
      await sendDue(sendDeps());
      return (await subscriptions()).length;
    };
    expect(await pushOn(0, 403)).toBe(1);
    expect(await pushOn(13, 403)).toBe(1);
    expect(await pushOn(13, 201)).toBe(1);
    expect(await pushOn(20, 403)).toBe(1);
    expect(await pushOn(33, 403)).toBe(1);
    expect(await pushOn(34, 403)).toBe(0);
  });

  it("that leads to a private address is not called, even where it stands in the table", async () => {
    await queue(await newDevice({ ...service.subscription, endpoint: "https://127.0.0.1/push/1" }));
    await sendDue(sendDeps());
    expect(await pushes()).toMatchObject([{ outcome: "failed", last_error: "ENOTPUBLIC" }]);
  });
});

describe("the sender", () => {
  function startSender(changes: Partial<SendDeps> = {}): PollLoop {
    const sender = createPushSender(sendDeps(changes));
    senders.push(sender);
    sender.start();
    return sender;
  }

  it("sends to other hosts while one does not answer, however much waits for that one", async () => {
    const silent = await startService();
    silent.respondWith("never");
    for (let count = 0; count < 40; count += 1) await queue(await newDevice(silent.subscribe()));
    clockMs += 1000;
    for (let count = 0; count < 20; count += 1) await queue(await newDevice());
    const sender = startSender();
    await vi.waitFor(() => expect(service.received).toHaveLength(20), PATIENT);
    expect(silent.received.length).toBeLessThan(16);
    await sender.stop();
    const waiting = await notify.db.selectFrom("push").select("id").where("outcome", "is", null).execute();
    expect(waiting).toHaveLength(40);
  });

  it("sends what is queued when it is woken, and goes on after the database was away", async () => {
    const sender = startSender();
    await queue(await newDevice());
    sender.wake();
    await vi.waitFor(() => expect(service.received).toHaveLength(1), PATIENT);
    await owner.query("alter table notify.push rename to hidden");
    sender.wake();
    await owner.query("alter table notify.hidden rename to push");
    await queue(await newDevice());
    sender.wake();
    await vi.waitFor(() => expect(service.received).toHaveLength(2), PATIENT);
  });

  it("stops without waiting for those who do not answer, and leaves their pushes to be sent", async () => {
    service.respondWith("never");
    await queue(await newDevice());
    const sender = startSender();
    await vi.waitFor(() => expect(service.received).toHaveLength(1), PATIENT);
    await sender.stop();
    expect(await pushes()).toMatchObject([{ outcome: null, last_error: "ABORT_ERR" }]);
  });
});
