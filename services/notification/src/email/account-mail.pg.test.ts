// Whose the mails are, and what becomes of them when the account goes.
import type { DomainEvent, EventData } from "@sotto/contracts/events";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { sealLink } from "@sotto/platform/sealed-link";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { forgetAccount } from "../accounts/forget-account.ts";
import { newSealKeys } from "../seal-key-fixture.ts";
import { pruneSettled } from "./email-queries.ts";
import { type MailedEvent, mailedTypes } from "./mail-kinds.ts";
import { queueMail } from "./queue-mail.ts";

let database: TestDatabase;
let notify: Database<NotifyDatabase>;
let owner: pg.Client;
let sealed: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 16, applicationName: "test", log });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  sealed = await sealLink(newSealKeys().publicKey, {
    link: "https://chat.example.org/verify-email#token=SECRET",
    recipient: "alice@example.org",
    expiresAt: "2126-01-01T00:00:00.000Z",
  });
});
beforeEach(() => owner.query("truncate notify.email, notify.processed_event, notify.rate_limit"));
afterAll(async () => {
  await owner?.end();
  await notify?.close();
  await database?.drop();
});

const accountId = systemIds.uuidv7();
const other = systemIds.uuidv7();
const context = () => ({ db: notify.db, clock: systemClock, ids: systemIds });

function eventOf(type: MailedEvent["type"], of = accountId): MailedEvent {
  const addressee = { accountId: of, username: "alice", email: "alice@example.org", language: null };
  const data: { [T in MailedEvent["type"]]: EventData<T> } = {
    "user.account-registered": addressee,
    "user.email-verification-requested": { ...addressee, purpose: "register", sealed },
    "user.password-reset-requested": { ...addressee, sealed },
    "user.security-notice": { ...addressee, notice: "new-session", client: null },
  };
  const head = { id: systemIds.uuidv7(), version: 1, occurredAt: "2026-01-01T00:00:00.000Z", key: of };
  return { ...head, type, data: data[type] } as MailedEvent;
}

function deleted(): DomainEvent<"user.account-deleted"> {
  const head = { id: systemIds.uuidv7(), version: 1, occurredAt: "2026-01-01T00:00:00.000Z" } as const;
  return { ...head, type: "user.account-deleted", key: accountId, data: { accountId } };
}

/** Tables of the service in which a text is found in any column. */
async function tablesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const table of ["email", "processed_event", "rate_limit"]) {
    const { rowCount } = await owner.query(`select from notify.${table} t where t::text like $1`, [
      `%${text}%`,
    ]);
    if (rowCount) found.push(table);
  }
  return found;
}

it("every mailed event becomes one mail of its account, however often it is delivered", async () => {
  for (const type of mailedTypes) {
    const event = eventOf(type);
    const results = await Promise.all(Array.from({ length: 4 }, () => queueMail(context(), event)));
    expect(results.filter((result) => result === "applied")).toHaveLength(1);
  }
  const mails = await notify.db.selectFrom("email").select(["kind", "account_id"]).orderBy("id").execute();
  expect(mails).toEqual(
    ["welcome", "verify-email", "reset-password", "security-notice"].map((kind) => ({
      kind,
      account_id: accountId,
    })),
  );
});

it("the link of a queued mail is nowhere in the database", async () => {
  await queueMail(context(), eventOf("user.email-verification-requested"));
  await queueMail(context(), eventOf("user.password-reset-requested"));
  expect(await tablesWith("alice@example.org")).toEqual(["email"]);
  expect(await tablesWith("SECRET")).toEqual([]);
  expect(await tablesWith("token=")).toEqual([]);
});

it("with an account everything of it goes, sent or not, and nothing of anybody else", async () => {
  await queueMail(context(), eventOf("user.account-registered"));
  await queueMail(context(), eventOf("user.security-notice"));
  await queueMail(context(), eventOf("user.security-notice", other));
  await notify.db
    .insertInto("rate_limit")
    .values({ key: `export.account:${accountId}`, points: 1, expire: 1 })
    .execute();
  await forgetAccount(context(), deleted());
  expect(await tablesWith(accountId)).toEqual([]);
  expect(await tablesWith(other)).toEqual(["email"]);
  await forgetAccount(context(), deleted());
});

it("an event that comes after the deletion leaves nothing, until its kind is forgotten everywhere", async () => {
  await forgetAccount(context(), deleted());
  const late = eventOf("user.security-notice");
  expect(await queueMail(context(), late)).toBe("too-late");
  expect(await queueMail(context(), eventOf("user.security-notice", other))).toBe("applied");
  expect(await tablesWith(accountId)).toEqual([]);
  await pruneSettled(notify.db, new Date(systemClock.now().getTime() + 1000));
  const { rows } = await owner.query("select count(*)::int from notify.processed_event");
  expect(rows[0].count).toBe(0);
});

it("of a deletion and events at the same moment nothing is left, whoever is first", async () => {
  for (let round = 0; round < 10; round++) {
    await owner.query("truncate notify.email, notify.processed_event");
    const work = Array.from({ length: 12 }, (_, index) =>
      index === round
        ? forgetAccount(context(), deleted())
        : queueMail(context(), eventOf("user.security-notice")),
    );
    await Promise.all(work);
    expect(await tablesWith(accountId)).toEqual([]);
  }
});
