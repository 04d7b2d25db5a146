// Who gets the mail that says how many messages wait, and who does not.
import { systemClock } from "@sotto/platform/clock";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { upsertAddressee } from "../accounts/account-queries.ts";
import { forgetAccount } from "../accounts/forget-account.ts";
import { putPreferences } from "../preferences/preference-queries.ts";
import { claimEmails, setEmailSent } from "./email-queries.ts";
import { deleteUnsentDigests, queueDigest } from "./queue-digest.ts";
import { insertSuppression } from "./suppression-queries.ts";

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

const context = () => ({ db: notify.db, clock: systemClock, ids: systemIds });
type Known = Partial<Parameters<typeof upsertAddressee>[1]>;

async function newAccount(known: Known = {}): Promise<string> {
  const accountId = systemIds.uuidv7();
  const email = `${accountId}@example.org`;
  const row = { username: "alice", email, email_verified: true, language: "de", active: true, ...known };
  await notify.db
    .transaction()
    .execute((tx) => upsertAddressee(tx, { account_id: accountId, as_of: systemClock.now(), ...row }));
  return accountId;
}

const queue = (accountId: string, { eventId = systemIds.uuidv7(), waiting = 3 } = {}) =>
  notify.db.transaction().execute((tx) => queueDigest(tx, context(), { accountId, eventId, waiting }));
const mailsOf = (accountId: string) =>
  notify.db.selectFrom("email").selectAll().where("account_id", "=", accountId).execute();

it("a digest is queued in the language of the account, and holds the count and nothing else", async () => {
  const accountId = await newAccount();
  expect(await queue(accountId)).toBe("queued");
  expect(await mailsOf(accountId)).toMatchObject([
    { kind: "digest", recipient: `${accountId}@example.org`, language: "de", content: { waiting: 3 } },
  ]);
  expect((await mailsOf(accountId))[0]?.content).toEqual({ waiting: 3 });
});

it("one event makes one digest", async () => {
  const accountId = await newAccount();
  const eventId = systemIds.uuidv7();
  expect(await queue(accountId, { eventId })).toBe("queued");
  expect(await queue(accountId, { eventId })).toBe("skipped");
  expect(await mailsOf(accountId)).toHaveLength(1);
});

it("nobody is told who is unknown, not active, whose address is not proved or suppressed, who wants none, or has none", async () => {
  const suppressed = await newAccount({ email: "Gone@Example.org" });
  await insertSuppression(notify.db, {
    address: "gone@example.org",
    reason: "smtp 550 5.1.1 to RCPT TO",
    since: systemClock.now(),
  });
  const unwilling = await newAccount();
  await notify.db
    .transaction()
    .execute((tx) => putPreferences(tx, unwilling, { email_digest: false }, systemClock.now()));
  for (const accountId of [
    systemIds.uuidv7(),
    await newAccount({ active: false }),
    await newAccount({ email_verified: false }),
    suppressed,
    unwilling,
  ]) {
    expect(await queue(accountId)).toBe("skipped");
    expect(await mailsOf(accountId)).toEqual([]);
  }
  expect(await queue(await newAccount(), { waiting: 0 })).toBe("skipped");
  await notify.db
    .transaction()
    .execute((tx) => putPreferences(tx, unwilling, { email_digest: true }, systemClock.now()));
  expect(await queue(unwilling)).toBe("queued");
});

it("digests that were not sent can be taken back; what was sent, other mails and other accounts stay", async () => {
  const [accountId, other] = [await newAccount(), await newAccount()];
  await notify.db.deleteFrom("email").execute();
  await queue(accountId);
  const now = systemClock.now();
  const [sent] = await claimEmails(notify.db, { now, leaseEnd: now, limit: 1 });
  await setEmailSent(notify.db, sent?.id ?? "", now);
  await queue(accountId);
  await queue(other);
  await notify.db
    .insertInto("email")
    .values({
      ...{ id: systemIds.uuidv7(), event_id: systemIds.uuidv7(), account_id: accountId, kind: "welcome" },
      ...{ recipient: "a@example.org", content: "{}", created_at: now, next_attempt_at: now },
    })
    .execute();
  await notify.db.transaction().execute((tx) => deleteUnsentDigests(tx, accountId));
  expect((await mailsOf(accountId)).map(({ kind }) => kind).sort()).toEqual(["digest", "welcome"]);
  expect((await mailsOf(accountId)).find(({ kind }) => kind === "digest")?.id).toBe(sent?.id);
  expect(await mailsOf(other)).toHaveLength(1);
});

it("what an account chose goes with it", async () => {
  const accountId = await newAccount();
  await notify.db
    .transaction()
    .execute((tx) => putPreferences(tx, accountId, { email_digest: false }, systemClock.now()));
  await forgetAccount(context(), {
    ...{ id: systemIds.uuidv7(), version: 1, occurredAt: "2026-01-01T00:00:00.000Z", key: accountId },
    type: "user.account-deleted",
    data: { accountId },
  });
  expect(
    await notify.db.selectFrom("preferences").selectAll().where("account_id", "=", accountId).execute(),
  ).toEqual([]);
});
