import { randomUUID } from "node:crypto";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDatabase, type Database } from "./db.ts";
import type { AccountDatabase } from "./db-types/account.ts";
import { systemIds } from "./ids.ts";
import { createLogger } from "./log.ts";
import { appendEvents, type NewEvent } from "./outbox.ts";

const deps = {
  clock: { now: () => new Date("2026-03-01T12:00:00.123Z"), monotonicMs: () => 0 },
  ids: systemIds,
};

let database: TestDatabase;
let owner: pg.Client;
let account: Database<AccountDatabase>;
beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const log = createLogger({ service: "test", level: "silent" });
  account = createDatabase({ url: database.urlFor("user"), max: 2, applicationName: "test", log });
});
afterAll(async () => {
  await account.close();
  await owner.end();
  await database.drop();
});
beforeEach(() => owner.query("truncate outbox.event"));

const revoked = (): NewEvent<"user.session-revoked"> => {
  const accountId = randomUUID();
  return { type: "user.session-revoked", key: accountId, data: { accountId, sessionId: randomUUID() } };
};

const rows = async () => (await owner.query<{ events: object[] }>("select events from outbox.event")).rows;

test("all events of a transaction are one row, complete and in their order", async () => {
  const events = [revoked(), revoked(), revoked()];
  await account.db.transaction().execute((tx) => appendEvents(tx, deps, events));
  expect(await rows()).toEqual([
    {
      events: events.map((event) => ({
        ...event,
        id: expect.stringMatching(/^[0-9a-f-]{14}7/),
        version: 1,
        occurredAt: "2026-03-01T12:00:00.123Z",
      })),
    },
  ]);
  const ids = (await rows())[0]?.events.map((event) => (event as { id: string }).id) ?? [];
  expect(new Set(ids).size).toBe(3);
  expect([...ids].sort()).toEqual(ids);
});

test("a transaction that is rolled back says nothing", async () => {
  const failing = account.db.transaction().execute(async (tx) => {
    await appendEvents(tx, deps, [revoked()]);
    throw new Error("after all, no");
  });
  await expect(failing).rejects.toThrow("after all, no");
  expect(await rows()).toEqual([]);
});

test("no events are no row", async () => {
  await account.db.transaction().execute((tx) => appendEvents(tx, deps, []));
  expect(await rows()).toEqual([]);
});

test("a service may add to the outbox and not look into it", async () => {
  for (const statement of [
    "select * from outbox.event",
    "delete from outbox.event",
    "truncate outbox.event",
  ]) {
    await expect(account.pool.query(statement)).rejects.toThrow("permission denied");
  }
});

test("only a transaction compiles: an event outside of one could stay when its change does not", () => {
  const outside = () =>
    // @ts-expect-error the database is no transaction; without this error the guarantee would be gone
    appendEvents(account.db, deps, []);
  const pooled = () =>
    // @ts-expect-error neither is a pool
    appendEvents(account.pool, deps, []);
  expect([outside, pooled]).toHaveLength(2);
});
