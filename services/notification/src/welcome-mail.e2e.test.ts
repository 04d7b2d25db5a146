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
import { startRabbitmq, type TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { findFreePort } from "../../../scripts/embedded/postgres.ts";
import { newSealKeys } from "./seal-key-fixture.ts";

const PATIENT = { timeout: 100_000, interval: 200 };
const ACCOUNTS = 40;
const ROUNDS = 6;

type Service = "relay" | "notification";
type Process = { child: ChildProcess; port: number };

let postgres: TestPostgres;
let broker: TestRabbitmq;
let database: TestDatabase;
let smtp: TestSmtp;
let users: pg.Client;
const running = new Map<Service, Process>();

beforeAll(async () => {
  [postgres, broker] = await Promise.all([startTestPostgres(), startRabbitmq()]);
});
beforeEach(async () => {
  database = await createTestDatabase(postgres.address);
  smtp = await startSmtp();
  users = new pg.Client({ connectionString: database.urlFor("user") });
  await users.connect();
});
afterEach(async () => {
  for (const service of [...running.keys()]) await kill(service);
  await users.end();
  await smtp.stop();
  await database.drop();
});
afterAll(async () => {
  await broker?.stop();
  await postgres?.stop();
});

async function start(service: Service, brokerUrl?: string): Promise<void> {
  const port = await findFreePort();
  const script = fileURLToPath(new URL(`../../${service}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [script], {
    stdio: "ignore",
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      DATABASE_URL: database.urlFor(service),
      SMTP_URL: smtp.url,
      MAIL_FROM: "Sotto <no-reply@sotto.example>",
      PUBLIC_URL: "http://localhost:8080",
      JWKS_URL: "http://127.0.0.1:1/.well-known/jwks.json",
      SEAL_KEY: JSON.stringify(newSealKeys().sealKey),
      SOTTO_PARENT_PID: String(process.pid),
      ...(brokerUrl === undefined ? {} : { MESSAGE_BROKER_URL: brokerUrl }),
    },
  });
  running.set(service, { child, port });
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

const isReady = (service: Service) =>
  vi.waitFor(async () => expect(await statusOf(service)).toBe(200), PATIENT);

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

async function append(events: readonly Registered[]): Promise<void> {
  await users.query("insert into outbox.event (events) values ($1)", [JSON.stringify(events)]);
}

/** Recipient to the set of Message-IDs that it got. */
function mailsByRecipient(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const mail of smtp.mails) {
    const recipient = mail.to?.[0]?.address ?? "";
    found.set(recipient, (found.get(recipient) ?? new Set()).add(mail.messageId ?? ""));
  }
  return found;
}

async function expectAllMails(events: readonly Registered[]): Promise<void> {
  const expected = new Map(
    events.map(({ id, data }) => [data.email, new Set([`<${id}.welcome@sotto.example>`])]),
  );
  await vi.waitFor(() => expect(mailsByRecipient()).toEqual(expected), PATIENT);
}

const transports: Readonly<Record<string, () => string | undefined>> = {
  PostgreSQL: () => undefined,
  RabbitMQ: () => broker.url,
};

describe.each(Object.entries(transports))("over %s", (_name, brokerUrl) => {
  it("every new account gets its welcome mail while relay and notification are killed, and no second one", async () => {
    const events = Array.from({ length: ACCOUNTS }, (_, index) => registered(index));
    await start("relay", brokerUrl());
    await start("notification", brokerUrl());
    await Promise.all([isReady("relay"), isReady("notification")]);
    const perRound = Math.ceil(ACCOUNTS / ROUNDS);
    for (let round = 0; round < ROUNDS; round++) {
      const before = smtp.mails.length;
      await append(events.slice(round * perRound, (round + 1) * perRound));
      // Sometimes at once, sometimes while the mails of this round are being sent.
      if (round % 3 !== 0) await vi.waitFor(() => expect(smtp.mails.length).toBeGreaterThan(before), PATIENT);
      const victim: Service = round % 2 === 0 ? "relay" : "notification";
      await kill(victim);
      await start(victim, brokerUrl());
    }
    await expectAllMails(events);
    const mails = smtp.mails.length;

    // Published once more: RabbitMQ delivers them again, and the consumer knows them.
    await Promise.all([isReady("relay"), isReady("notification")]);
    const last = registered(ACCOUNTS);
    await append([...events, last]);
    await expectAllMails([...events, last]);
    expect(smtp.mails.length).toBe(mails + 1);
  });
});

it("relay and notification are not ready without their broker, and ready again by themselves", async () => {
  await start("relay", broker.url);
  await start("notification", broker.url);
  await Promise.all([isReady("relay"), isReady("notification")]);
  await broker.kill9();
  for (const service of ["relay", "notification"] as const)
    await vi.waitFor(async () => expect(await statusOf(service)).toBe(503), PATIENT);
  const event = registered(1);
  await append([event]);
  await broker.restart();
  await expectAllMails([event]);
  await Promise.all([isReady("relay"), isReady("notification")]);
});
