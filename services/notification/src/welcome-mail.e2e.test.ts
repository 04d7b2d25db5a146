// From the outbox to the mail server with the real processes, which are killed on the way.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { systemIds } from "@sotto/platform/ids";
import {
  createTestDatabase,
  startTestPostgres,
  type TestDatabase,
  type TestPostgres,
} from "@sotto/testkit/postgres";
import type { TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findFreePort } from "../../../scripts/embedded/free-port.ts";
import { newVapidKey } from "./push/vapid-key-fixture.ts";
import { newSealKeys } from "./seal-key-fixture.ts";

const PATIENT = { timeout: 60_000, interval: 100 };
const ACCOUNTS = 40;
const ROUNDS = 6;

const SERVICES = ["relay", "notification"] as const;
type Service = (typeof SERVICES)[number];
type Process = { child: ChildProcess; port: number };

let postgres: TestPostgres;
let broker: TestRabbitmq;
beforeAll(async () => {
  [postgres, broker] = await Promise.all([startTestPostgres(), useRabbitmq()]);
});
afterAll(async () => {
  await broker?.stop();
  await postgres?.stop();
});

/** Both services over a database and a mail server of their own, so that the transports can be tested side by side. */
async function createWorld(brokerUrl: string | undefined) {
  const database = await createTestDatabase(postgres.address);
  const smtp = await startSmtp();
  const users = new pg.Client({ connectionString: database.urlFor("user") });
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await Promise.all([users.connect(), owner.connect()]);
  const running = new Map<Service, Process>();

  async function start(service: Service): Promise<void> {
    const port = await findFreePort();
    const script = fileURLToPath(new URL(`../../${service}/src/main.ts`, import.meta.url));
    const env = envOf(service, { database, smtp, port, brokerUrl });
    running.set(service, { child: spawn(process.execPath, [script], { stdio: "ignore", env }), port });
  }

  async function kill(service: Service): Promise<void> {
    const child = running.get(service)?.child;
    running.delete(service);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async function statusOf(service: Service): Promise<number | undefined> {
    const url = `http://127.0.0.1:${running.get(service)?.port}/health/ready`;
    return (await fetch(url).catch(() => undefined))?.status;
  }

  return {
    smtp,
    start,
    kill,
    /** Both have the status. */
    becomes: (status: number) =>
      vi.waitFor(async () => {
        for (const service of SERVICES) expect(await statusOf(service)).toBe(status);
      }, PATIENT),
    append: (events: readonly Registered[]) =>
      users.query("insert into outbox.event (events) values ($1)", [JSON.stringify(events)]),
    /** As if the time of the mails had passed that a killed process was sending; see email.pg.test.ts. */
    async endLeases() {
      await kill("notification");
      await owner.query("update notify.email set next_attempt_at = now() where sent_at is null");
      await start("notification");
    },
    async unsent(): Promise<number> {
      const { rows } = await owner.query("select count(*)::int from notify.email where sent_at is null");
      return rows[0].count;
    },
    async close() {
      for (const service of SERVICES) await kill(service);
      await Promise.all([users.end(), owner.end()]);
      await smtp.stop();
      await database.drop();
    },
  };
}

type Surroundings = { database: TestDatabase; smtp: TestSmtp; port: number; brokerUrl: string | undefined };

function envOf(service: Service, { database, smtp, port, brokerUrl }: Surroundings) {
  return {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    PORT: String(port),
    DATABASE_URL: database.urlFor(service),
    SMTP_URL: smtp.url,
    MAIL_FROM: "Sotto <no-reply@sotto.example>",
    PUBLIC_URL: "http://localhost:8080",
    JWKS_URL: "http://127.0.0.1:1/.well-known/jwks.json",
    SEAL_KEY: JSON.stringify(newSealKeys().sealKey),
    VAPID_PRIVATE_KEY: newVapidKey(),
    SOTTO_PARENT_PID: String(process.pid),
    ...(brokerUrl === undefined ? {} : { MESSAGE_BROKER_URL: brokerUrl }),
  };
}

type Registered = { id: string; data: { email: string } };

function registered(index: number): Registered {
  return {
    id: systemIds.uuidv7(),
    type: "user.account-registered",
    version: 1,
    occurredAt: "2026-01-01T00:00:00.000Z",
    key: `account-${index}`,
    data: { accountId: systemIds.uuidv7(), username: `user${index}`, email: `user-${index}@example.org` },
  } as Registered;
}

/** Recipient to the set of Message-IDs that it got. */
function mailsByRecipient(smtp: TestSmtp): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const mail of smtp.mails) {
    const recipient = mail.to?.[0]?.address ?? "";
    found.set(recipient, (found.get(recipient) ?? new Set()).add(mail.messageId ?? ""));
  }
  return found;
}

async function expectAllMails(smtp: TestSmtp, events: readonly Registered[]): Promise<void> {
  const expected = new Map(
    events.map(({ id, data }) => [data.email, new Set([`<${id}.welcome@sotto.example>`])]),
  );
  await vi.waitFor(() => expect(mailsByRecipient(smtp)).toEqual(expected), PATIENT);
}

const transports: Readonly<Record<string, () => string | undefined>> = {
  PostgreSQL: () => undefined,
  RabbitMQ: () => broker.url,
};

describe.concurrent.each(Object.entries(transports))("over %s", (_name, brokerUrl) => {
  it("every new account gets its welcome mail while relay and notification are killed, and no second one", async ({
    onTestFinished,
  }) => {
    const { smtp, start, kill, becomes, append, endLeases, unsent, close } = await createWorld(brokerUrl());
    onTestFinished(close);
    const events = Array.from({ length: ACCOUNTS }, (_, index) => registered(index));
    for (const service of SERVICES) await start(service);
    await becomes(200);
    const perRound = Math.ceil(ACCOUNTS / ROUNDS);
    for (let round = 0; round < ROUNDS; round++) {
      const before = smtp.mails.length;
      await append(events.slice(round * perRound, (round + 1) * perRound));
      // Sometimes at once, sometimes while the mails of this round are being sent.
      if (round % 3 !== 0) await vi.waitFor(() => expect(smtp.mails.length).toBeGreaterThan(before), PATIENT);
      const victim: Service = round % 2 === 0 ? "relay" : "notification";
      await kill(victim);
      await start(victim);
    }
    await endLeases();
    await expectAllMails(smtp, events);
    // A mail that was taken when its sender was killed comes twice, with the same Message-ID.
    await vi.waitFor(async () => expect(await unsent()).toBe(0), PATIENT);
    const mails = smtp.mails.length;

    // Published once more: RabbitMQ delivers them again, and the consumer knows them.
    await becomes(200);
    const last = registered(ACCOUNTS);
    await append([...events, last]);
    await expectAllMails(smtp, [...events, last]);
    expect(smtp.mails.length).toBe(mails + 1);
  });
});

it("relay and notification are not ready without their broker, and ready again by themselves", async ({
  onTestFinished,
}) => {
  const { smtp, start, becomes, append, close } = await createWorld(broker.url);
  onTestFinished(close);
  for (const service of SERVICES) await start(service);
  await becomes(200);
  await broker.kill9();
  await becomes(503);
  const event = registered(1);
  await append([event]);
  await broker.restart();
  await expectAllMails(smtp, [event]);
  await becomes(200);
});
