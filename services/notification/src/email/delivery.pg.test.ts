// What becomes of mails that a mail server refuses, of their addresses, and of addresses that get too many.
import type { DomainEvent } from "@sotto/contracts/events";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { sealLink } from "@sotto/platform/sealed-link";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { type SmtpRefusal, startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { upsertAddressee } from "../accounts/account-queries.ts";
import { forgetAccount } from "../accounts/forget-account.ts";
import { notificationLimits } from "../limits.ts";
import { newSealKeys } from "../seal-key-fixture.ts";
import { queueDeviceMail } from "./queue-device-mail.ts";
import { queueDigest } from "./queue-digest.ts";
import { queueMail } from "./queue-mail.ts";
import { newSendDeps } from "./send-deps-fixture.ts";
import { type SendDeps, sendDueMail } from "./send-due-mail.ts";
import { createSmtp, type Smtp } from "./smtp.ts";
import { pruneSuppressions } from "./suppression-queries.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ADDRESS = "Alice@Example.org";
const { burst, perMinute } = notificationLimits["mail.address"];

let database: TestDatabase;
let notify: Database<NotifyDatabase>;
let owner: pg.Client;
let smtp: TestSmtp;
let transport: Smtp;
let clockMs: number;
let deps: SendDeps;
const accountId = systemIds.uuidv7();

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 8, applicationName: "test", log });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query(
    "truncate notify.email, notify.processed_event, notify.suppressed_address, notify.addressee, notify.rate_limit",
  );
  smtp = await startSmtp();
  clockMs = Date.parse("2026-01-01T00:00:00Z");
  transport = createSmtp({ url: smtp.url, from: "no-reply@sotto.example" });
  deps = newSendDeps(notify, { clock, smtp: transport });
});
afterEach(async () => {
  transport.close();
  await smtp.stop();
});
afterAll(async () => {
  await owner?.end();
  await notify?.close();
  await database?.drop();
});

const clock = { now: () => new Date(clockMs), monotonicMs: () => clockMs };
const head = (type: string, of = accountId) =>
  ({
    id: systemIds.uuidv7(),
    type,
    version: 1,
    occurredAt: new Date(clockMs).toISOString(),
    key: of,
  }) as const;
const context = () => ({ db: notify.db, clock, ids: systemIds });
const addressee = { accountId, username: "alice", email: ADDRESS, language: "de" };

function queueNotice(email = ADDRESS) {
  const data = { ...addressee, email, notice: "new-session", client: null } as const;
  return queueMail(context(), {
    ...head("user.security-notice"),
    data,
  } as DomainEvent<"user.security-notice">);
}

async function queueVerification() {
  const sealed = await sealLink(newSealKeys().publicKey, {
    ...{ link: "https://chat.example.org/verify-email#token=x", recipient: ADDRESS },
    expiresAt: "2126-01-01T00:00:00.000Z",
  });
  const data = { ...addressee, purpose: "register", sealed } as const;
  const event = { ...head("user.email-verification-requested"), data };
  return queueMail(context(), event as DomainEvent<"user.email-verification-requested">);
}

async function know(known: { email?: string; email_verified?: boolean } = {}): Promise<void> {
  const row = {
    account_id: accountId,
    username: "alice",
    email: ADDRESS,
    email_verified: true,
    active: true,
  };
  await notify.db
    .transaction()
    .execute((tx) => upsertAddressee(tx, { ...row, language: "de", as_of: clock.now(), ...known }));
}

const emails = () => notify.db.selectFrom("email").selectAll().orderBy("id").execute();
const suppressed = () => notify.db.selectFrom("suppressed_address").selectAll().execute();
const refusing = (text: string, command: NonNullable<SmtpRefusal>["command"] = "RCPT TO") =>
  smtp.refuse({ command, code: Number(text.slice(0, 3)), text: text.slice(4) });

/** Outcomes so far, by `kind outcome`. */
async function counted(): Promise<Record<string, number>> {
  const { values } = await deps.emails.get();
  return Object.fromEntries(
    values.map(({ labels, value }) => [`${labels.kind} ${labels.outcome}`, value] as const),
  );
}

async function sendAll(): Promise<void> {
  while ((await sendDueMail(deps)) > 0);
}

it("an address that does not exist gets no more mail, in whatever case it is written", async () => {
  refusing("550 5.1.1 <alice@example.org> unknown");
  await queueNotice();
  await sendAll();
  expect(await suppressed()).toEqual([
    { address: "alice@example.org", reason: "smtp 550 5.1.1 to RCPT TO", since: clock.now() },
  ]);
  smtp.refuse(undefined);
  await queueNotice("alice@EXAMPLE.org");
  await queueNotice("bob@example.org");
  await sendAll();
  expect(smtp.mails.map(({ to }) => to?.[0]?.address)).toEqual(["bob@example.org"]);
  expect((await emails()).map(({ last_error }) => last_error)).toEqual([
    "smtp 550 5.1.1 to RCPT TO",
    "the address is suppressed",
    null,
  ]);
  expect(await counted()).toEqual({
    "security-notice refused": 1,
    "security-notice suppressed": 1,
    "security-notice sent": 1,
  });
});

it("an address is not suppressed for what was said of one mail, of us, or only for now", async () => {
  for (const [text, command, outcome] of [
    ["554 5.7.1 looks like spam", "DATA", "refused"],
    ["550 5.7.1 not wanted", "RCPT TO", "refused"],
    ["550 unknown", "RCPT TO", "refused"],
    ["552 5.2.2 mailbox full", "RCPT TO", "retried"],
    ["450 4.1.1 who knows", "RCPT TO", "retried"],
    ["550 5.1.8 who are you", "MAIL FROM", "faulty"],
  ] as const) {
    await owner.query("truncate notify.email");
    deps = newSendDeps(notify, { clock, smtp: transport });
    refusing(text, command);
    await queueNotice();
    await sendDueMail(deps);
    expect(await counted(), text).toEqual({ [`security-notice ${outcome}`]: 1 });
    const isOver = outcome === "refused";
    expect(await emails(), text).toMatchObject([{ failed_at: isOver ? clock.now() : null }]);
  }
  expect(await suppressed()).toEqual([]);
});

it("who asks to prove an address gets its mail though it was suppressed", async () => {
  refusing("550 5.1.1 unknown");
  await queueNotice();
  await sendAll();
  await queueVerification();
  expect(await suppressed()).toEqual([]);
});

it("a suppression ends after a time: an address may come to exist again", async () => {
  refusing("550 5.1.1 unknown");
  await queueNotice();
  await sendAll();
  await pruneSuppressions(notify.db, clock.now());
  expect(await suppressed()).toHaveLength(1);
  await pruneSuppressions(notify.db, new Date(clockMs + 1));
  expect(await suppressed()).toEqual([]);
});

it("with an account its suppressed addresses are forgotten, the one it was to change to included, and no others", async () => {
  refusing("550 5.1.1 unknown");
  await know({ email: "old@example.org" });
  for (const email of [ADDRESS, "old@example.org", "other@example.org"]) await queueNotice(email);
  await sendAll();
  await owner.query("update notify.email set account_id = $1 where recipient = 'other@example.org'", [
    systemIds.uuidv7(),
  ]);
  await owner.query("delete from notify.email where recipient = 'old@example.org'");
  await forgetAccount(context(), {
    ...head("user.account-deleted"),
    data: { accountId },
  } as DomainEvent<"user.account-deleted">);
  expect((await suppressed()).map(({ address }) => address)).toEqual(["other@example.org"]);
});

it("an address gets so many mails and no more: what protects the account waits, digests are dropped", async () => {
  await know();
  for (let count = 0; count < burst + 2; count++) await queueNotice();
  await sendAll();
  expect(smtp.mails).toHaveLength(burst);
  const digest = { accountId, eventId: systemIds.uuidv7(), waiting: 2 };
  await notify.db.transaction().execute((tx) => queueDigest(tx, context(), digest));
  await queueNotice("bob@example.org");
  await sendAll();
  expect(smtp.mails).toHaveLength(burst + 1);
  expect(await counted()).toEqual({
    "security-notice sent": burst + 1,
    "security-notice delayed": 2,
    "digest dropped": 1,
  });
  const waiting = (await emails()).filter(({ sent_at, failed_at }) => !sent_at && !failed_at);
  expect(waiting).toMatchObject([
    { attempts: 0, last_error: "too many mails to this address" },
    { attempts: 0, last_error: "too many mails to this address" },
  ]);
  clockMs += Math.ceil(2 / perMinute) * MINUTE_MS;
  await sendAll();
  expect(smtp.mails).toHaveLength(burst + 3);
});

it("what waited for its turn for three days is given up", async () => {
  for (let count = 0; count < burst + 1; count++) await queueNotice();
  await sendAll();
  await notify.db
    .updateTable("email")
    .set({ created_at: new Date(clockMs - 4 * DAY_MS) })
    .execute();
  await notify.db
    .updateTable("email")
    .set({ next_attempt_at: clock.now() })
    .where("sent_at", "is", null)
    .execute();
  await sendAll();
  expect(await counted()).toMatchObject({ "security-notice dropped": 1 });
});

it("tells of a configuration that no mail gets through with: once, until mail goes out again", async () => {
  const told: string[] = [];
  const alarm = { raise: (reason: string) => told.push(reason), clear: () => told.push("clear") };
  deps = { ...deps, alarm };
  refusing("550 5.7.1 not from you", "MAIL FROM");
  await queueNotice();
  await sendDueMail(deps);
  smtp.refuse(undefined);
  clockMs += HOUR_MS;
  await sendDueMail(deps);
  expect(told).toEqual(["smtp 550 5.7.1 to MAIL FROM", "clear"]);
});

it("a new device is told to the owner in their language: each once, the first not, and never before the account is known", async () => {
  const added = (first: boolean) =>
    ({
      ...head("chat.device-added"),
      data: { accountId, deviceId: systemIds.uuidv7(), first },
    }) as DomainEvent<"chat.device-added">;
  const event = added(false);
  await expect(queueDeviceMail(context(), event)).rejects.toThrow("not known");
  await know({ email_verified: false });
  expect(await queueDeviceMail(context(), event)).toBe("applied");
  expect(await queueDeviceMail(context(), event)).toBe("repeated");
  expect(await queueDeviceMail(context(), added(true))).toBe("first");
  await sendAll();
  expect(smtp.mails).toMatchObject([{ subject: "Ein neues Gerät wurde Ihrem Konto hinzugefügt" }]);
});
