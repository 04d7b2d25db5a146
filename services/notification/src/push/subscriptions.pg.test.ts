import { limits } from "@sotto/contracts/limits";
import { pushKey, pushSubscriptions } from "@sotto/contracts/notification-api";
import { systemIds } from "@sotto/platform/ids";
import { newSubscriberSecrets, publicKeyOf } from "@sotto/testkit/push-decrypt";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { insertMark, lockAccount } from "../accounts/account-queries.ts";
import { deletedAccountMark } from "../accounts/deleted-account-mark.ts";
import { forgetAccount } from "../accounts/forget-account.ts";
import { createNotificationApp } from "../app.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";
import { forgetDevice } from "./forget-device.ts";
import { forgetSession } from "./forget-session.ts";
import { insertEndedSession } from "./subscription-queries.ts";
import { newVapidKey } from "./vapid-key-fixture.ts";
import { vapidPrivateKey } from "./vapid-keys.ts";

const BASE = "http://localhost/api/notifications";
const keyText = newVapidKey();

let world: NotificationWorld;
let context: NotificationWorld["context"];
let owner: NotificationWorld["owner"];
let tokens: NotificationWorld["tokens"];

beforeAll(async () => {
  world = await startNotification({ VAPID_PRIVATE_KEY: keyText, PUSH_PRIVATE_HOSTS: "ntfy.lan:8443" });
  ({ context, owner, tokens } = world);
});
afterAll(() => world?.close());

function newSubscription(endpoint = `https://push.example.org/${systemIds.uuidv7()}`) {
  const secrets = newSubscriberSecrets();
  const p256dh = publicKeyOf(secrets).toString("base64url");
  return { endpoint, keys: { p256dh, auth: secrets.auth.toString("base64url") } };
}

/** Somebody with a session, and what it can do. */
function newPerson(accountId = systemIds.uuidv7()) {
  const sessionId = systemIds.uuidv7();
  const ask = async (method: string, path: string, body?: unknown) =>
    createNotificationApp(context).request(`${BASE}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${await tokens.sign(accountId, sessionId)}`,
        ...(body !== undefined && { "Content-Type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    accountId,
    sessionId,
    ask,
    subscribe: async (deviceId: string, body: unknown = newSubscription()) =>
      (await ask("PUT", `/push-subscriptions/${deviceId}`, body)).status,
    unsubscribe: async (deviceId: string) => (await ask("DELETE", `/push-subscriptions/${deviceId}`)).status,
    list: async () =>
      pushSubscriptions.parse(await (await ask("GET", "/push-subscriptions")).json()).subscriptions,
  };
}

type Person = ReturnType<typeof newPerson>;
type Tx = Parameters<typeof lockAccount>[0];

/** Transactions that wait for the lock of an account. */
async function countWaiting(): Promise<number> {
  const { rows } = await owner.query<{ count: number }>(
    `select count(*)::int from pg_locks join pg_database on pg_database.oid = database
     where datname = current_database() and locktype = 'advisory' and not granted`,
  );
  return rows[0]?.count ?? 0;
}

const eventOf = (accountId: string) =>
  ({ id: systemIds.uuidv7(), version: 1, key: accountId, occurredAt: "2026-01-01T00:00:00.000Z" }) as const;

const rowsOf = async (accountId: string) =>
  (await owner.query("select * from notify.push_subscription where account_id = $1", [accountId])).rows;

it("the key to subscribe with is the public half of the installation's key", async () => {
  const answer = await newPerson().ask("GET", "/push-key");
  const { publicKey } = vapidPrivateKey.parse(keyText);
  expect(pushKey.parse(await answer.json())).toEqual({ applicationServerKey: publicKey });
});

it("a device has one subscription: another takes its place, the same once more changes nothing", async () => {
  const alice = newPerson();
  const deviceId = systemIds.uuidv7();
  const [first, second] = [newSubscription(), newSubscription()];
  expect(await alice.subscribe(deviceId, first)).toBe(204);
  const [row] = await rowsOf(alice.accountId);
  expect(await alice.subscribe(deviceId, first)).toBe(204);
  expect(await rowsOf(alice.accountId)).toEqual([row]);
  expect(await alice.subscribe(deviceId, second)).toBe(204);
  expect(await alice.list()).toEqual([
    { deviceId, endpoint: second.endpoint, createdAt: expect.any(String) },
  ]);
});

it("a subscription belongs to the session that last made it", async () => {
  const alice = newPerson();
  const again = newPerson(alice.accountId);
  const deviceId = systemIds.uuidv7();
  const subscription = newSubscription();
  await alice.subscribe(deviceId, subscription);
  await again.subscribe(deviceId, subscription);
  await forgetSession(context, {
    ...eventOf(alice.accountId),
    type: "user.session-revoked",
    data: { accountId: alice.accountId, sessionId: alice.sessionId },
  });
  expect(await again.list()).toHaveLength(1);
});

it("the id of another's device names something of the caller alone: it changes, shows and ends nothing of the other", async () => {
  const [alice, mallory] = [newPerson(), newPerson()];
  const deviceId = systemIds.uuidv7();
  await alice.subscribe(deviceId);
  const before = await rowsOf(alice.accountId);
  expect(await mallory.subscribe(deviceId)).toBe(204);
  expect((await mallory.list())[0]?.endpoint).not.toBe(before[0]?.endpoint);
  await mallory.unsubscribe(deviceId);
  expect(await mallory.list()).toEqual([]);
  const named = { ...eventOf(mallory.accountId), type: "chat.device-removed" } as const;
  await forgetDevice(context, { ...named, data: { accountId: mallory.accountId, deviceId } });
  await forgetSession(context, {
    ...eventOf(mallory.accountId),
    type: "user.session-revoked",
    data: { accountId: mallory.accountId, sessionId: alice.sessionId },
  });
  expect(await rowsOf(alice.accountId)).toEqual(before);
});

it("a subscription ends by its owner's word, said once or twice", async () => {
  const alice = newPerson();
  const deviceId = systemIds.uuidv7();
  await alice.subscribe(deviceId);
  expect(await alice.unsubscribe(deviceId)).toBe(204);
  expect(await alice.unsubscribe(deviceId)).toBe(204);
  expect(await alice.list()).toEqual([]);
});

it("a subscription ends with its session, and a token that outlives the session makes none", async () => {
  const alice = newPerson();
  const other = newPerson(alice.accountId);
  await alice.subscribe(systemIds.uuidv7());
  await other.subscribe(systemIds.uuidv7());
  const data = { accountId: alice.accountId, sessionId: alice.sessionId };
  const ended = { ...eventOf(alice.accountId), type: "user.session-revoked", data } as const;
  for (let delivery = 1; delivery <= 2; delivery += 1) await forgetSession(context, ended);
  expect((await rowsOf(alice.accountId)).map((row) => row.session_id)).toEqual([other.sessionId]);
  expect(await alice.subscribe(systemIds.uuidv7())).toBe(401);
  expect(await rowsOf(alice.accountId)).toHaveLength(1);
});

it("a subscription ends with its device", async () => {
  const alice = newPerson();
  const deviceId = systemIds.uuidv7();
  await alice.subscribe(deviceId);
  await alice.subscribe(systemIds.uuidv7());
  const removed = { ...eventOf(alice.accountId), type: "chat.device-removed" } as const;
  await forgetDevice(context, { ...removed, data: { accountId: alice.accountId, deviceId } });
  expect((await alice.list()).map((one) => one.deviceId)).not.toContain(deviceId);
  expect(await alice.list()).toHaveLength(1);
});

it("a subscription ends with its account, and a token that outlives the account makes none", async () => {
  const alice = newPerson();
  await alice.subscribe(systemIds.uuidv7());
  const deleted = { ...eventOf(alice.accountId), type: "user.account-deleted" } as const;
  await forgetAccount(context, { ...deleted, data: { accountId: alice.accountId } });
  expect(await rowsOf(alice.accountId)).toEqual([]);
  for (const [method, path, body] of [
    ["PUT", `/push-subscriptions/${systemIds.uuidv7()}`, newSubscription()],
    ["DELETE", `/push-subscriptions/${systemIds.uuidv7()}`],
    ["GET", "/push-subscriptions"],
  ] as const)
    expect((await alice.ask(method, path, body)).status, method).toBe(401);
  expect(await rowsOf(alice.accountId)).toEqual([]);
  const { rowCount } = await owner.query("select from notify.rate_limit where key like $1", [
    `%${alice.accountId}`,
  ]);
  expect(rowCount).toBe(0);
});

it("an account that is deleted, or a session that ends, while it subscribes is left without", async () => {
  for (const end of [
    (tx: Tx, person: Person) => insertMark(tx, deletedAccountMark(person.accountId), new Date(0)),
    (tx: Tx, person: Person) => insertEndedSession(tx, person.sessionId, new Date(0)),
  ]) {
    const alice = newPerson();
    const answer = await context.db.transaction().execute(async (tx) => {
      await lockAccount(tx, alice.accountId);
      const asked = alice.subscribe(systemIds.uuidv7());
      await vi.waitFor(async () => expect(await countWaiting()).toBe(1), { timeout: 10_000, interval: 20 });
      await end(tx, alice);
      return { asked };
    });
    expect(await answer.asked).toBe(401);
    expect(await rowsOf(alice.accountId)).toEqual([]);
  }
});

it("an account has no more subscriptions than it is allowed; the oldest make way, also for many at the same time", async () => {
  const alice = newPerson();
  const max = limits.pushSubscriptionsPerAccount;
  const first = systemIds.uuidv7();
  await alice.subscribe(first);
  await Promise.all(Array.from({ length: max + 2 }, () => alice.subscribe(systemIds.uuidv7())));
  const listed = await alice.list();
  expect(listed).toHaveLength(max);
  expect(listed.map((one) => one.deviceId)).not.toContain(first);
});

it("one endpoint wakes one device of an account: the one that came last", async () => {
  const alice = newPerson();
  const subscription = newSubscription();
  await alice.subscribe(systemIds.uuidv7(), subscription);
  const deviceId = systemIds.uuidv7();
  await alice.subscribe(deviceId, subscription);
  expect((await alice.list()).map((one) => one.deviceId)).toEqual([deviceId]);
});

it.each([
  "http://push.example.org/x",
  "https://user:password@push.example.org/x",
  "https://push.example.org:8443/x",
  "https://127.0.0.1/x",
  "https://[::ffff:7f00:1]/x",
  "https://0x7f000001/x",
  "https://169.254.169.254/latest/meta-data",
  "https://ntfy.lan:8444/x",
  "https://%/x",
  "https://",
  "ftp://push.example.org/x",
  `https://push.example.org/${"x".repeat(2048)}`,
  // Longer than that once it is written out.
  `https://push.example.org/${'"'.repeat(1000)}`,
])("no subscription is made with the endpoint %s", async (endpoint) => {
  const alice = newPerson();
  expect(await alice.subscribe(systemIds.uuidv7(), newSubscription(endpoint))).toBe(400);
  expect(await rowsOf(alice.accountId)).toEqual([]);
});

it("an endpoint may be where the operators have said", async () => {
  const alice = newPerson();
  expect(await alice.subscribe(systemIds.uuidv7(), newSubscription("https://ntfy.lan:8443/up"))).toBe(204);
});

it("no subscription is made with keys that nobody can have", async () => {
  const alice = newPerson();
  const good = newSubscription();
  const noPoint = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString("base64url");
  for (const keys of [
    { ...good.keys, p256dh: noPoint },
    { ...good.keys, p256dh: `${good.keys.p256dh}=` },
    { ...good.keys, auth: `${good.keys.auth}A` },
    { ...good.keys, auth: "" },
    { p256dh: good.keys.p256dh },
  ])
    expect(await alice.subscribe(systemIds.uuidv7(), { ...good, keys }), JSON.stringify(keys)).toBe(400);
});

it("the export tells the endpoints and none of the keys", async () => {
  const alice = newPerson();
  const subscription = newSubscription();
  const deviceId = systemIds.uuidv7();
  await alice.subscribe(deviceId, subscription);
  await newPerson().subscribe(systemIds.uuidv7());
  const answer = await alice.ask("GET", "/export");
  const files = unzipSync(new Uint8Array(await answer.arrayBuffer()));
  const text = strFromU8(files["push-subscriptions.json"] ?? new Uint8Array());
  expect(JSON.parse(text)).toEqual([
    { deviceId, endpoint: subscription.endpoint, subscribedAt: expect.any(String) },
  ]);
  for (const key of Object.values(subscription.keys)) expect(text).not.toContain(key);
});

it("an account that changes its subscriptions again and again is told to wait", async () => {
  const alice = newPerson();
  const statuses = await Promise.all(Array.from({ length: 40 }, () => alice.subscribe(systemIds.uuidv7())));
  expect(new Set(statuses)).toEqual(new Set([204, 429]));
});
