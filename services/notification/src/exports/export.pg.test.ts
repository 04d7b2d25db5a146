import { problem } from "@sotto/contracts/errors";
import { systemClock } from "@sotto/platform/clock";
import { systemIds } from "@sotto/platform/ids";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { forgetAccount } from "../accounts/forget-account.ts";
import { createNotificationApp } from "../app.ts";
import { recordWaiting } from "../attention/record-waiting.ts";
import { addNotification } from "../in-app/add-notification.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";

let world: NotificationWorld;
let context: NotificationWorld["context"];
let owner: NotificationWorld["owner"];
let tokens: NotificationWorld["tokens"];

beforeAll(async () => {
  world = await startNotification();
  ({ context, owner, tokens } = world);
});
afterAll(() => world?.close());

const newToken = (accountId: string, authenticatedSecondsAgo = 0) =>
  tokens.sign(accountId, systemIds.uuidv7(), { authenticatedSecondsAgo });

async function ask(token?: string, method = "GET"): Promise<Response> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  return createNotificationApp(context).request("http://localhost/api/notifications/export", {
    method,
    headers,
  });
}

async function codeOf(response: Response): Promise<string> {
  return problem.parse(await response.json()).code;
}

async function addMails(accountId: string, count: number): Promise<void> {
  await owner.query(
    `insert into notify.email (id, event_id, account_id, kind, recipient, content, created_at, next_attempt_at, sent_at)
     select gen_random_uuid(), gen_random_uuid(), $1, 'welcome', 'a' || n || '@example.org', '{"username":"secret"}',
       now(), now(), now() from generate_series(1, $2::int) n`,
    [accountId, count],
  );
}

const addRequest = (accountId: string, byAccountId: string) =>
  addNotification(context, {
    ...{ id: systemIds.uuidv7(), type: "chat.contact-requested", version: 1, key: accountId },
    ...{ occurredAt: "2026-01-01T00:00:00.000Z", data: { accountId, byAccountId } },
  });

it("the export has every mail and notification of the caller, by kind, address and times, and nobody else's", async () => {
  const accountId = systemIds.uuidv7();
  await addMails(accountId, 450);
  await addMails(systemIds.uuidv7(), 3);
  const asker = systemIds.uuidv7();
  for (const each of [accountId, systemIds.uuidv7()]) await addRequest(each, asker);
  await recordWaiting(context, {
    ...{ id: systemIds.uuidv7(), type: "chat.inbox-waiting", version: 1, key: accountId },
    occurredAt: systemClock.now().toISOString(),
    data: { accountId, deviceId: systemIds.uuidv7(), waiting: 3 },
  });
  const response = await ask(await newToken(accountId));
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("application/zip");
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
  expect(Object.keys(files)).toEqual([
    "README.txt",
    "mails.json",
    "addressee.json",
    "preferences.json",
    "waiting.json",
    "push-subscriptions.json",
    "notifications.json",
  ]);
  const read = (name: string) => JSON.parse(strFromU8(files[name] ?? new Uint8Array()));
  expect(read("preferences.json")).toMatchObject({ timeZone: null, quietHours: null, push: true });
  expect(read("waiting.json")).toMatchObject({ attendedAt: null, devices: [{ waiting: 3 }] });
  expect(read("notifications.json")).toMatchObject([
    { type: "contact-requested", data: { accountId: asker }, readAt: null },
  ]);
  const mails: Record<string, string>[] = JSON.parse(strFromU8(files["mails.json"] ?? new Uint8Array()));
  expect(new Set(mails.map((mail) => mail.recipient)).size).toBe(450);
  expect(mails).toHaveLength(450);
  expect(Object.keys(mails[0] ?? {}).sort()).toEqual([
    "failedAt",
    "kind",
    "language",
    "mailId",
    "queuedAt",
    "recipient",
    "sentAt",
  ]);
});

async function settingsOf(accountId: string): Promise<unknown> {
  const response = await ask(await newToken(accountId));
  const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
  const read = (name: string) => JSON.parse(strFromU8(files[name] ?? new Uint8Array()));
  return { ...read("addressee.json"), digests: read("preferences.json").emailDigest };
}

it("the export says how the caller is written to, and that no mail goes to an address that does not exist", async () => {
  const accountId = systemIds.uuidv7();
  const nothing = { address: null, addressVerified: null, language: null };
  const free = { suppressedSince: null, suppressionReason: null };
  expect(await settingsOf(accountId)).toEqual({ ...nothing, ...free, digests: true });
  const [since, reason] = ["2026-01-01T00:00:00.000Z", "smtp 550 5.1.1 to RCPT TO"];
  const email = `${accountId}@Example.org`;
  await owner.query("insert into notify.addressee values ($1, 'alice', $2, true, 'de', true, now())", [
    accountId,
    email,
  ]);
  await owner.query("insert into notify.suppressed_address values (lower($1), $2, $3)", [
    email,
    reason,
    since,
  ]);
  await owner.query(
    "insert into notify.preferences (account_id, email_digest, updated_at) values ($1, false, now())",
    [accountId],
  );
  expect(await settingsOf(accountId)).toEqual({
    ...{ address: email, addressVerified: true, language: "de", digests: false },
    ...{ suppressedSince: since, suppressionReason: reason },
  });
});

it("the export needs a token, and a session that has proved itself lately", async () => {
  expect(await codeOf(await ask())).toBe("unauthenticated");
  expect(await codeOf(await ask("x"))).toBe("unauthenticated");
  expect(await codeOf(await ask(await newToken(systemIds.uuidv7(), 400)))).toBe("reauthentication_required");
  expect(await codeOf(await ask(undefined, "POST"))).toBe("method_not_allowed");
});

it("an account that asks again and again is told to wait", async () => {
  const token = await newToken(systemIds.uuidv7());
  const statuses: number[] = [];
  for (let count = 0; count < 5; count++) statuses.push((await ask(token)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

it("a token that outlives its account leaves no trace of it", async () => {
  const accountId = systemIds.uuidv7();
  await forgetAccount(context, {
    ...{ id: systemIds.uuidv7(), type: "user.account-deleted", version: 1, key: accountId },
    occurredAt: "2026-01-01T00:00:00.000Z",
    data: { accountId },
  });
  expect(await codeOf(await ask(await newToken(accountId)))).toBe("session_revoked");
  const { rowCount } = await owner.query("select from notify.rate_limit where key like $1", [
    `%${accountId}`,
  ]);
  expect(rowCount).toBe(0);
});
