import type { NotificationPreferences } from "@sotto/contracts/preferences-api";
import { systemIds } from "@sotto/platform/ids";
import { afterAll, beforeAll, expect, it } from "vitest";
import { forgetAccount } from "../accounts/forget-account.ts";
import { createNotificationApp } from "../app.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";

const DEFAULTS = { timeZone: null, quietHours: null, push: true, emailDigest: true };

let world: NotificationWorld;
let context: NotificationWorld["context"];
let owner: NotificationWorld["owner"];
let tokens: NotificationWorld["tokens"];

beforeAll(async () => {
  world = await startNotification();
  ({ context, owner, tokens } = world);
});
afterAll(() => world?.close());

async function ask(accountId: string, change?: unknown) {
  const response = await createNotificationApp(context).request("/api/notifications/preferences", {
    method: change === undefined ? "GET" : "PATCH",
    headers: {
      Authorization: `Bearer ${await tokens.sign(accountId, systemIds.uuidv7())}`,
      ...(change !== undefined && { "Content-Type": "application/json" }),
    },
    ...(change !== undefined && { body: JSON.stringify(change) }),
  });
  const body: NotificationPreferences & { code?: string } = await response.json();
  return { status: response.status, body };
}

it("preferences that were never set are the defaults, and asking stores nothing", async () => {
  const accountId = systemIds.uuidv7();
  expect((await ask(accountId)).body).toEqual(DEFAULTS);
  const { rows } = await owner.query("select from notify.preferences where account_id = $1", [accountId]);
  expect(rows).toHaveLength(0);
});

it("a change leaves alone what it does not name, also when two come at once, and is one account's own", async () => {
  const [accountId, other] = [systemIds.uuidv7(), systemIds.uuidv7()];
  const quietHours = { from: "22:05", to: "00:00" };
  await Promise.all([
    ask(accountId, { quietHours }),
    ask(accountId, { timeZone: "Europe/Berlin" }),
    ask(accountId, { push: false }),
  ]);
  const all = { timeZone: "Europe/Berlin", quietHours, push: false, emailDigest: true };
  expect((await ask(accountId)).body).toEqual(all);
  expect((await ask(accountId, {})).body).toEqual(all);
  const cleared = { quietHours: null, timeZone: null, emailDigest: false };
  expect((await ask(accountId, cleared)).body).toEqual({ ...all, ...cleared });
  expect((await ask(other)).body).toEqual(DEFAULTS);
});

it("times and time zones are taken as they are known only", async () => {
  const accountId = systemIds.uuidv7();
  for (const change of [
    { timeZone: "Mars/Olympus" },
    { timeZone: "+02:00" },
    { timeZone: "Europe/Berlin\u0000" },
    { quietHours: { from: "24:00", to: "07:00" } },
    { quietHours: { from: "7:00", to: "08:00" } },
    { quietHours: { from: "07:00", to: "07:00" } },
    { quietHours: { from: "07:00" } },
    { push: null },
    { emailDigest: "no" },
    { other: true },
    null,
    [],
  ]) {
    const { status, body } = await ask(accountId, change);
    expect([status, body.code], JSON.stringify(change)).toEqual([400, "bad_request"]);
  }
  expect((await ask(accountId)).body).toEqual(DEFAULTS);
});

it("what waits to be sent by a channel is not sent once the channel is switched off", async () => {
  const accountId = systemIds.uuidv7();
  const deviceId = systemIds.uuidv7();
  await owner.query(
    `insert into notify.push_subscription
       (account_id, device_id, session_id, endpoint, host, p256dh, auth, server_key, created_at)
     values ($1, $2, gen_random_uuid(), 'https://push.example.org/x', 'push.example.org',
       decode(repeat('04', 65), 'hex'), decode(repeat('00', 16), 'hex'), decode(repeat('04', 65), 'hex'), now())`,
    [accountId, deviceId],
  );
  await owner.query(
    `insert into notify.push (id, event_id, account_id, device_id, type, created_at, next_attempt_at)
     values (gen_random_uuid(), gen_random_uuid(), $1, $2, 'messages-waiting', now(), now())`,
    [accountId, deviceId],
  );
  await owner.query(
    `insert into notify.email (id, event_id, account_id, kind, recipient, content, created_at, next_attempt_at)
     values (gen_random_uuid(), gen_random_uuid(), $1, 'digest', 'a@example.org', '{"waiting":1}', now(), now())`,
    [accountId],
  );
  const left = async () => [
    (await owner.query("select from notify.push where account_id = $1 and outcome is null", [accountId]))
      .rowCount,
    (await owner.query("select from notify.email where account_id = $1", [accountId])).rowCount,
  ];
  await ask(accountId, { timeZone: "UTC" });
  expect(await left()).toEqual([1, 1]);
  await ask(accountId, { push: false });
  expect(await left()).toEqual([0, 1]);
  await ask(accountId, { emailDigest: false });
  expect(await left()).toEqual([0, 0]);
});

it("a token that outlives its account reads and changes nothing, and leaves no trace", async () => {
  const accountId = systemIds.uuidv7();
  await ask(accountId, { push: false });
  await forgetAccount(context, {
    ...{ id: systemIds.uuidv7(), type: "user.account-deleted", version: 1, key: accountId },
    occurredAt: "2026-01-01T00:00:00.000Z",
    data: { accountId },
  });
  expect((await ask(accountId)).body.code).toBe("session_revoked");
  expect((await ask(accountId, { push: true })).body.code).toBe("session_revoked");
  const { rowCount } = await owner.query("select from notify.rate_limit where key like $1", [
    `%${accountId}`,
  ]);
  const { rows } = await owner.query("select from notify.preferences where account_id = $1", [accountId]);
  expect([rowCount, rows]).toEqual([0, []]);
});
