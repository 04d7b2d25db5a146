import type { DomainEvent } from "@sotto/contracts/events";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { queueDigest } from "../email/queue-digest.ts";
import { findAddressee } from "./account-queries.ts";
import { forgetAccount } from "./forget-account.ts";
import { recordAddressee } from "./record-addressee.ts";

let database: TestDatabase;
let notify: Database<NotifyDatabase>;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  notify = createDatabase({ url: database.urlFor("notification"), max: 8, applicationName: "test", log });
});
afterAll(async () => {
  await notify?.close();
  await database?.drop();
});

const context = () => ({ db: notify.db, clock: systemClock });
const head = (accountId: string, occurredAt: string) =>
  ({ id: systemIds.uuidv7(), version: 1, occurredAt, key: accountId }) as const;

function registered(accountId: string): DomainEvent<"user.account-registered"> {
  return {
    ...head(accountId, "2026-01-01T00:00:00.000Z"),
    type: "user.account-registered",
    data: { accountId, username: "alice", email: "old@example.org", language: null },
  };
}

function updated(accountId: string, minute: number, email: string): DomainEvent<"user.account-updated"> {
  return {
    ...head(accountId, `2026-01-01T00:0${minute}:00.000Z`),
    type: "user.account-updated",
    data: { accountId, username: "alice", email, language: "de", emailVerified: true, active: false },
  };
}

it("the newest that was said of an account stays, in whatever order the events come", async () => {
  const id = systemIds.uuidv7();
  await recordAddressee(context(), updated(id, 2, "newest@example.org"));
  await recordAddressee(context(), updated(id, 1, "newer@example.org"));
  await recordAddressee(context(), registered(id));
  expect(await findAddressee(notify.db, id)).toMatchObject({
    email: "newest@example.org",
    email_verified: true,
    language: "de",
    active: false,
  });
});

it("a new account has an address that is not verified, and gets what is sent to accounts", async () => {
  const id = systemIds.uuidv7();
  await recordAddressee(context(), registered(id));
  expect(await findAddressee(notify.db, id)).toMatchObject({ email_verified: false, active: true });
});

it("a digest that is queued goes out to nobody whose account has been deactivated meanwhile", async () => {
  const id = systemIds.uuidv7();
  const active = updated(id, 1, "here@example.org");
  await recordAddressee(context(), { ...active, data: { ...active.data, active: true } });
  const digest = { accountId: id, eventId: systemIds.uuidv7(), waiting: 2 };
  const queued = await notify.db
    .transaction()
    .execute((tx) => queueDigest(tx, { clock: systemClock, ids: systemIds }, digest));
  expect(queued).toBe("queued");
  await recordAddressee(context(), updated(id, 2, "here@example.org"));
  const left = await notify.db.selectFrom("email").select("kind").where("account_id", "=", id).execute();
  expect(left).toEqual([]);
});

it("nothing is known of an account that is gone, nor learned from events that come late", async () => {
  const id = systemIds.uuidv7();
  await recordAddressee(context(), registered(id));
  await forgetAccount(context(), {
    ...head(id, "2026-01-01T00:05:00.000Z"),
    type: "user.account-deleted",
    data: { accountId: id },
  });
  await recordAddressee(context(), updated(id, 6, "late@example.org"));
  expect(await findAddressee(notify.db, id)).toBeUndefined();
});
