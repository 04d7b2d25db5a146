import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { createPool } from "./db.ts";
import {
  createLimiter,
  createStatementGate,
  type Limiter,
  type LimiterOptions,
  type LimitRule,
} from "./limiter.ts";
import { pruneLimits } from "./limits.ts";
import { createLogger } from "./log.ts";
import { toBucket } from "./token-bucket.ts";

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

/** 3 at once, then one every 20 seconds. */
const RULE: LimitRule = { burst: 3, perMinute: 3, whenDown: "closed" };

/** A clock that stands still until it is told to go on. */
function createClock() {
  let nowMs = Date.UTC(2026, 2, 1);
  return {
    now: () => new Date(nowMs),
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

type NodeOptions = Partial<Omit<LimiterOptions, "rule">> & { url?: string; rule?: Partial<LimitRule> };

/** A limiter of another node: with its own pool and its own memory. `queries` counts what it asks the database. */
function createNode({ url = database.urlFor("chat"), rule, ...rest }: NodeOptions = {}) {
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
    rule: { ...RULE, ...rule },
    statements: createStatementGate(),
    clock: systemClock,
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
  await countPassed(times(3, limiter, "flood"));
  expect(await countPassed(times(1, limiter, "flood"))).toBe(0);
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

test("a point comes back when its time is, and points can be taken many at once", async () => {
  const clock = createClock();
  const { limiter } = createNode({ name: "refill", clock });
  await limiter.consume("key", 3);
  await expect(limiter.consume("key")).rejects.toMatchObject({ retryAfterSeconds: 20 });
  clock.advance(19_900);
  await expect(limiter.consume("key")).rejects.toMatchObject({ retryAfterSeconds: 1 });
  clock.advance(100);
  expect(await countPassed(times(2, limiter, "key"))).toBe(1);
  clock.advance(3_600_000);
  expect(await countPassed(times(9, limiter, "key"))).toBe(3);
});

test("a refusal costs nothing: who waits as long as it was told, gets through", async () => {
  const clock = createClock();
  const nodes = [1, 2, 3].map(() => createNode({ name: "told", clock }).limiter);
  await nodes[0]?.consume("key", 3);
  for (const node of nodes)
    await expect(node.consume("key", 2)).rejects.toMatchObject({ retryAfterSeconds: 40 });
  clock.advance(40_000);
  await nodes[2]?.consume("key", 2);
});

/** What a token bucket is: points come back with time, never more than `burst`. Nodes remember whom they refused. */
function createModel({ burst, perMinute }: { burst: number; perMinute: number }) {
  const { intervalMs, capacityMs } = toBucket({ burst, perMinute });
  const refusedForMs = [0, 0];
  let leftMs = capacityMs;
  return {
    pass(ms: number) {
      leftMs = Math.min(capacityMs, leftMs + ms);
      for (const node of refusedForMs.keys())
        refusedForMs[node] = Math.max(0, (refusedForMs[node] ?? 0) - ms);
    },
    take(node: number, points: number): boolean {
      const neededMs = Math.min(points, burst) * intervalMs;
      if (refusedForMs[node]) return false;
      refusedForMs[node] = Math.max(0, neededMs - leftMs);
      if (refusedForMs[node]) return false;
      leftMs -= neededMs;
      return true;
    },
  };
}

test("whatever is taken when and at which node, the limit is that of a token bucket", {
  timeout: 60_000,
}, async () => {
  const pool = createPool({ url: database.urlFor("chat"), max: 4, applicationName: "test", log });
  pools.push(pool);
  let runs = 0;
  const rules = fc.record({
    burst: fc.integer({ min: 1, max: 20 }),
    perMinute: fc.integer({ min: 1, max: 600 }),
  });
  const steps = fc.record({
    ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 600_000 })),
    node: fc.integer({ min: 0, max: 1 }),
    points: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 25 })),
  });
  await fc.assert(
    fc.asyncProperty(rules, fc.array(steps, { minLength: 5, maxLength: 40 }), async (rule, taken) => {
      runs += 1;
      const clock = createClock();
      const common = { schema: "chat", name: `model ${runs}`, clock, log, statements: createStatementGate() };
      const nodes = [0, 1].map(() => createLimiter({ ...common, pool, rule: { ...RULE, ...rule } }));
      const model = createModel(rule);
      for (const { ms, node, points } of taken) {
        clock.advance(ms);
        model.pass(ms);
        const passed = await countPassed([(nodes[node] as Limiter).consume("key", points)]);
        expect(passed === 1).toBe(model.take(node, points));
      }
    }),
    { numRuns: 60 },
  );
});

test("a flood of one key at once costs no more statements than it has points", async () => {
  const { limiter, counted } = createNode({ name: "at once" });
  expect(await countPassed(times(5000, limiter, "key"))).toBe(3);
  expect(counted.queries).toBeLessThanOrEqual(3);
});

test("a flood of many keys has a bounded number of statements under way, and the rest is turned away at once", async () => {
  const { limiter, counted } = createNode({ name: "many", statements: createStatementGate(8) });
  const attempts = Array.from({ length: 5000 }, (_, number) => limiter.consume(`key ${number}`));
  const results = await Promise.allSettled(attempts);
  expect(counted.queries).toBe(8);
  for (const result of results) {
    if (result.status === "rejected")
      expect(result.reason).toMatchObject({ code: "overloaded", retryAfterSeconds: 1 });
  }
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(8);
  await limiter.consume("later");
});

test("a limit that counts in batches asks the store once for each, and holds across nodes but for a batch each", async () => {
  const clock = createClock();
  const rule = { burst: 60, perMinute: 60, whenDown: "open", batch: 10 } as const;
  const nodes = [1, 2].map(() => createNode({ name: "batches", clock, rule }));
  let passed = 0;
  for (let turn = 0; turn < 100; turn += 1) {
    for (const { limiter } of nodes) passed += await countPassed([limiter.consume("key")]);
  }
  expect(passed).toBeGreaterThanOrEqual(60);
  expect(passed).toBeLessThanOrEqual(60 + 2 * 10);
  for (const { counted } of nodes) expect(counted.queries).toBeLessThanOrEqual(5);
  clock.advance(60_000);
  expect(await countPassed(times(9, nodes[0]?.limiter as Limiter, "key"))).toBe(9);
});

test("rows of buckets that are full again are deleted, and no others", async () => {
  const clock = createClock();
  const { limiter } = createNode({ name: "prune", clock });
  const pool = pools[pools.length - 1] as pg.Pool;
  const keys = async () =>
    (await pool.query("select key from chat.rate_limit where key like 'prune:%' order by key")).rows;
  await limiter.consume("early");
  clock.advance(20_000);
  await limiter.consume("late");
  await pool.query(
    "insert into chat.rate_limit select 'prune:old ' || n, 1, 1 from generate_series(1, 2500) n",
  );
  clock.advance(1);
  expect(await pruneLimits({ pool, schema: "chat", clock })).toBeGreaterThanOrEqual(2501);
  expect(await keys()).toEqual([{ key: "prune:late" }]);
});

test("what was taken can be given back, also while the key is refused from memory, and no more than that", async () => {
  const clock = createClock();
  const { limiter } = createNode({ name: "returned", clock });
  expect(await countPassed(times(4, limiter, "key"))).toBe(3);
  await limiter.giveBack("key");
  expect(await countPassed(times(4, limiter, "key"))).toBe(1);
  await limiter.giveBack("never taken");
  expect(await countPassed(times(4, limiter, "never taken"))).toBe(3);
  const lost = createNode({ url: NOWHERE });
  await expect(lost.limiter.giveBack("key")).resolves.toBeUndefined();
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

test("without its store a closed limiter refuses as unavailable, and of an open one each node counts for itself", async () => {
  const closed = createNode({ url: NOWHERE });
  await expect(closed.limiter.consume("key")).rejects.toMatchObject({
    code: "unavailable",
    retryAfterSeconds: 2,
  });
  for (let node = 0; node < 2; node += 1) {
    const { limiter } = createNode({ url: NOWHERE, rule: { whenDown: "open" } });
    expect(await countPassed([1, 2, 3, 4, 5].map((number) => limiter.consume(`key ${number}`)))).toBe(5);
    for (let turn = 0; turn < 2; turn += 1) await limiter.consume("key 1");
    await expect(limiter.consume("key 1")).rejects.toMatchObject({ code: "rate_limited" });
  }
});
