import type { DomainEvent } from "@sotto/contracts/events";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { PollLoop } from "../delivery/poll-loop.ts";
import { claimEmails, pruneSettled } from "./email-queries.ts";
import { queueMail } from "./queue-mail.ts";
import { newSendDeps } from "./send-deps-fixture.ts";
import { type SendDeps, sendDueMail } from "./send-due-mail.ts";
import { createSender } from "./sender.ts";
import { createSmtp, type Smtp } from "./smtp.ts";

const PATIENT = { timeout: 20_000, interval: 50 };
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let database: TestDatabase;
let notify: Database<NotifyDatabase>;
let owner: pg.Client;
let smtp: TestSmtp;
let clockMs: number;
const transports: Smtp[] = [];
const senders: PollLoop[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 8, applicationName: "test", log });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query(
    "truncate notify.email, notify.processed_event, notify.suppressed_address, notify.rate_limit, outbox.event",
  );
  smtp = await startSmtp();
  clockMs = Date.parse("2026-01-01T00:00:00Z");
});
afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.stop()));
  for (const transport of transports.splice(0)) transport.close();
  await smtp.stop();
});
afterAll(async () => {
  await owner?.end();
  await notify?.close();
  await database?.drop();
});

const clock = { now: () => new Date(clockMs), monotonicMs: () => clockMs };

function sendDeps(changed: Partial<SendDeps> = {}): SendDeps {
  const transport = createSmtp({ url: smtp.url, from: "Sotto <no-reply@sotto.example>" });
  transports.push(transport);
  return { ...newSendDeps(notify, { clock, smtp: transport }), ...changed };
}

function registered(email = "alice@example.org"): DomainEvent<"user.account-registered"> {
  return {
    id: systemIds.uuidv7(),
    type: "user.account-registered",
    version: 1,
    occurredAt: "2026-01-01T00:00:00.000Z",
    key: "k",
    data: { accountId: systemIds.uuidv7(), username: "alice", email, language: null },
  };
}

const queue = (event = registered()) => queueMail({ db: notify.db, clock, ids: systemIds }, event);
const emails = () => notify.db.selectFrom("email").selectAll().execute();
const outbox = async () => (await owner.query<{ events: unknown[] }>("select events from outbox.event")).rows;

describe("queueing", () => {
  it("queues one mail however often the event is delivered, also at the same time", async () => {
    const event = registered();
    const results = await Promise.all(Array.from({ length: 8 }, () => queue(event)));
    expect(results.filter((result) => result === "applied")).toHaveLength(1);
    expect(await queue(event)).toBe("repeated");
    expect(await emails()).toHaveLength(1);
  });

  it("marks no event as processed whose mail was not queued", async () => {
    await owner.query("alter table notify.email add constraint never check (false) not valid");
    const event = registered();
    await expect(queue(event)).rejects.toThrow("never");
    await owner.query("alter table notify.email drop constraint never");
    expect(await queue(event)).toBe("applied");
  });
});

describe("sending", () => {
  it("sends a queued mail once, with a Message-ID made from the event", async () => {
    const event = registered();
    await queue(event);
    const deps = sendDeps();
    expect(await sendDueMail(deps)).toBe(1);
    expect(await sendDueMail(deps)).toBe(0);
    expect(smtp.mails).toHaveLength(1);
    expect(smtp.mails[0]).toMatchObject({
      messageId: `<${event.id}.welcome@sotto.example>`,
      from: { address: "no-reply@sotto.example", name: "Sotto" },
      to: [{ address: "alice@example.org" }],
      subject: "Welcome to Sotto",
      text: expect.stringContaining("Hello alice,"),
      html: expect.stringContaining("Hello alice,"),
    });
    expect(await emails()).toMatchObject([{ sent_at: clock.now(), failed_at: null, attempts: 1 }]);
  });

  it("gives a mail to one of several senders, and lets none wait for another", async () => {
    for (let count = 0; count < 12; count++) await queue();
    const claim = { now: clock.now(), leaseEnd: new Date(clockMs + MINUTE_MS), limit: 10 };
    const idsOf = (found: { id: string }[]) => found.map(({ id }) => id);
    const claimed = await notify.db.transaction().execute(async (tx) => {
      const mine = await claimEmails(tx, claim);
      // Ours are not committed yet: another sender takes the rest at once.
      return [mine, await claimEmails(notify.db, claim)];
    });
    expect(claimed.map((found) => found.length)).toEqual([10, 2]);
    expect(new Set(claimed.flatMap(idsOf)).size).toBe(12);
  });

  it("sends the mail when a mail server that was away comes back", async () => {
    const { port } = smtp;
    await smtp.stop();
    await queue();
    const deps = sendDeps();
    await sendDueMail(deps);
    expect(await emails()).toMatchObject([
      { attempts: 1, sent_at: null, last_error: "ESOCKET ECONNREFUSED" },
    ]);
    smtp = await startSmtp({ port });
    expect(await sendDueMail(deps)).toBe(0);
    clockMs += MINUTE_MS;
    expect(await sendDueMail(deps)).toBe(1);
    expect(smtp.mails).toHaveLength(1);
    expect(await emails()).toMatchObject([{ attempts: 2, last_error: null }]);
  });

  it("waits longer after each failure, with a limit", async () => {
    smtp.refuse({ command: "RCPT TO", code: 450, text: "later" });
    await queue();
    const deps = sendDeps();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 14; attempt++) {
      await sendDueMail(deps);
      const next = (await emails())[0]?.next_attempt_at.getTime() ?? 0;
      waits.push(next - clockMs);
      clockMs = next;
    }
    for (const [index, wait] of waits.entries()) {
      const whole = Math.min(15 * MINUTE_MS, 1000 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(whole / 2);
      expect(wait).toBeLessThanOrEqual(whole);
    }
  });

  it("gives up at once when the server refuses the recipient for good, and tells it as an event", async () => {
    smtp.refuse({ command: "RCPT TO", code: 550, text: "<alice@example.org> is unknown" });
    const event = registered();
    await queue(event);
    const deps = sendDeps();
    await sendDueMail(deps);
    clockMs += DAY_MS;
    expect(await sendDueMail(deps)).toBe(0);
    expect(await emails()).toMatchObject([{ attempts: 1, last_error: "smtp 550 to RCPT TO", sent_at: null }]);
    expect((await outbox()).flatMap((row) => row.events)).toEqual([
      expect.objectContaining({
        type: "notification.delivery-failed",
        data: { sourceEventId: event.id, channel: "email", reason: "smtp 550 to RCPT TO" },
      }),
    ]);
  });

  it("gives up after three days", async () => {
    smtp.refuse({ command: "DATA", code: 451, text: "later" });
    await queue();
    const deps = sendDeps();
    clockMs += 3 * DAY_MS + MINUTE_MS;
    await sendDueMail(deps);
    expect(await emails()).toMatchObject([{ failed_at: clock.now() }]);
    expect(await outbox()).toHaveLength(1);
  });

  it("sends again, with the same Message-ID, the mail of a sender that died before it could note the sending", async () => {
    await queue();
    const dying = sendDeps({ smtp: { send: () => new Promise(() => undefined), close: () => undefined } });
    void sendDueMail(dying);
    await vi.waitFor(async () => expect(await emails()).toMatchObject([{ attempts: 1 }]), PATIENT);
    const other = sendDeps();
    // Under the lease nobody else touches it.
    expect(await sendDueMail(other)).toBe(0);
    clockMs += MINUTE_MS / 2 + 1;
    expect(await sendDueMail(other)).toBe(1);
    expect(smtp.mails).toHaveLength(1);
  });
});

describe("the sender", () => {
  it("sends what is queued when it is woken, and goes on after the database was away", async () => {
    const sender = createSender({ ...sendDeps(), clock: { ...clock, monotonicMs: () => performance.now() } });
    senders.push(sender);
    sender.start();
    await queue();
    sender.wake();
    await vi.waitFor(() => expect(smtp.mails).toHaveLength(1), PATIENT);
    await owner.query("alter table notify.email rename to hidden");
    sender.wake();
    await owner.query("alter table notify.hidden rename to email");
    await queue();
    sender.wake();
    await vi.waitFor(() => expect(smtp.mails).toHaveLength(2), PATIENT);
  });

  it("forgets what was settled long ago, and nothing that is still to be sent", async () => {
    const deps = sendDeps();
    await queue();
    await sendDueMail(deps);
    await queue();
    await pruneSettled(notify.db, new Date(clockMs + DAY_MS));
    expect(await emails()).toMatchObject([{ sent_at: null }]);
    expect(await notify.db.selectFrom("processed_event").selectAll().execute()).toHaveLength(0);
  });
});
