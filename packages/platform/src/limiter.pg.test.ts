import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPool } from "./db.ts";
import { createLimiter, type Limiter, type LimiterOptions } from "./limiter.ts";
import { createLogger } from "./log.ts";

const log = createLogger({ service: "test", level: "silent" });
// Nothing listens on port 1.
const NOWHERE = "postgres://sotto_chat:x@127.0.0.1:1/sotto";

let database: TestDatabase;
const pools: pg.Pool[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

/** A limiter of another node: with its own pool and its own memory. `queries` counts what it asks the database. */
function createNode(options: Partial<LimiterOptions> & { url?: string } = {}) {
  const { url = database.urlFor("chat"), ...rest } = options;
  const pool = createPool({ url, max: 4, applicationName: "test", log });
  pools.push(pool);
  const query = pool.query.bind(pool) as (...values: unknown[]) => unknown;
  const counted = { queries: 0 };
  pool.query = ((...values: unknown[]) => {
    counted.queries += 1;
    return query(...values);
  }) as typeof pool.query;
  const limiter = createLimiter({
    pool,
    schema: "chat",
    name: "test",
    points: 3,
    durationSeconds: 60,
    whenDown: "closed",
    log,
    ...rest,
  });
  return { limiter, counted };
}

/** How many of `attempts`, made at once, were let through. */
async function countPassed(attempts: Promise<void>[]): Promise<number> {
  const results = await Promise.allSettled(attempts);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "rate_limited" });
  }
  return results.filter(({ status }) => status === "fulfilled").length;
}

const times = (count: number, limiter: Limiter, key: string) =>
  Array.from({ length: count }, () => limiter.consume(key));

test("two nodes together let through no more than one limit allows", async () => {
  const [a, b] = [createNode(), createNode()];
  expect(await countPassed([...times(6, a.limiter, "shared"), ...times(6, b.limiter, "shared")])).toBe(3);
  expect(await countPassed(times(3, a.limiter, "another key"))).toBe(3);
});

test("who is over the limit is told how long to wait, and costs no query any more", async () => {
  const { limiter, counted } = createNode();
  await countPassed(times(4, limiter, "flood"));
  const before = counted.queries;
  for (const attempt of times(50, limiter, "flood")) {
    await expect(attempt).rejects.toMatchObject({
      code: "rate_limited",
      retryAfterSeconds: expect.toSatisfy(isWait),
    });
  }
  expect(counted.queries).toBe(before);
});
const isWait = (seconds: number) => Number.isInteger(seconds) && seconds > 0 && seconds <= 60;

test("a limit is over when its time is, and points can be taken many at once", async () => {
  const { limiter } = createNode({ name: "short", durationSeconds: 1 });
  await limiter.consume("key", 3);
  await expect(limiter.consume("key")).rejects.toMatchObject({ code: "rate_limited", retryAfterSeconds: 1 });
  await expect.poll(() => countPassed([limiter.consume("key")]), { timeout: 5000, interval: 100 }).toBe(1);
});

test("names that objects inherit, and text of any kind, are keys like others", async () => {
  const { limiter } = createNode();
  for (const key of [
    "__proto__",
    "constructor",
    "toString",
    "",
    "'; drop table chat.rate_limit --",
    "ключ 🔑",
  ]) {
    expect(await countPassed(times(5, limiter, key)), key).toBe(3);
  }
  expect(await countPassed(times(5, createNode({ name: "__proto__" }).limiter, "key"))).toBe(3);
  expect(({} as { consumed?: unknown }).consumed).toBeUndefined();
});

test("without its store a closed limiter refuses as unavailable, and an open one lets pass", async () => {
  const closed = createNode({ url: NOWHERE, whenDown: "closed" });
  await expect(closed.limiter.consume("key")).rejects.toMatchObject({
    code: "unavailable",
    retryAfterSeconds: 2,
  });
  const open = createNode({ url: NOWHERE, whenDown: "open" });
  expect(await countPassed(times(5, open.limiter, "key"))).toBe(5);
});
