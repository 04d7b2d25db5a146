import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPool } from "./db.ts";
import { createLimits, type LimitRules } from "./limits.ts";
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

type Name = "outer" | "inner";
const RULES: LimitRules<Name> = {
  outer: { burst: 4, perMinute: 1, whenDown: "closed" },
  inner: { burst: 2, perMinute: 1, whenDown: "closed" },
};
const clock = { now: () => new Date(Date.UTC(2026, 2, 1)) };

/** Limits of another node; `queries` counts what they ask the database. */
function createNode({ url = database.urlFor("chat"), rules = RULES } = {}) {
  const pool = createPool({ url, max: 4, applicationName: "test", log });
  pools.push(pool);
  const counted = { queries: 0, answered: 0 };
  const query = pool.query.bind(pool) as (...values: unknown[]) => unknown;
  pool.query = ((...values: unknown[]) => {
    counted.queries += 1;
    return query(...values);
  }) as typeof pool.query;
  const limits = createLimits(rules, { pool, schema: "chat", clock, log });
  return { limits, pool, counted };
}
type Node = ReturnType<typeof createNode>;

const question = (word: string) => ({
  name: "word",
  text: (at: number) => `select $${at}::text as word where $${at}::text <> 'nothing'`,
  values: [word],
  read: (row: object) => (row as { word: string }).word,
});
/** What became of taking a point of both: the answer, or which of the two refused. */
async function take({ limits }: Node, outer: string, inner: string, word = "yes"): Promise<string> {
  try {
    const taken = await limits.takeBoth(["outer", outer], ["inner", inner], question(word));
    if ("answer" in taken) return taken.answer ?? "nothing";
    expect(taken.refusal).toMatchObject({ code: "rate_limited", retryAfterSeconds: 60 });
    return "inner refused";
  } catch (error) {
    expect(error).toMatchObject({ code: "rate_limited", retryAfterSeconds: 60 });
    return "outer refused";
  }
}
const times = <T>(count: number, one: () => T) => Array.from({ length: count }, one);
async function countOf(attempts: Promise<string>[], outcome: string): Promise<number> {
  return (await Promise.all(attempts)).filter((each) => each === outcome).length;
}

test("two points and the answer to a question cost one statement", async () => {
  const node = createNode();
  expect(await take(node, "one", "one")).toBe("yes");
  expect(await take(node, "one", "one", "nothing")).toBe("nothing");
  expect(node.counted.queries).toBe(2);
});

test("what the first refuses costs the second nothing, whether the store or the memory refuses", async () => {
  const [node, other] = [createNode(), createNode()];
  for (const inner of ["a", "b", "c", "d"]) expect(await take(node, "used up", inner)).toBe("yes");
  for (let round = 0; round < 3; round += 1) {
    expect(await take(node, "used up", "spared")).toBe("outer refused");
    expect(await take(other, "used up", "spared")).toBe("outer refused");
  }
  expect(
    await countOf(
      times(3, () => take(other, "fresh", "spared")),
      "yes",
    ),
  ).toBe(2);
});

test("what the second refuses has cost the first its point, whether the store or the memory refuses", async () => {
  const [node, other] = [createNode(), createNode()];
  expect(await take(node, "pays", "small")).toBe("yes");
  expect(await take(node, "pays", "small")).toBe("yes");
  expect(await take(other, "pays", "small")).toBe("inner refused");
  expect(await take(other, "pays", "small")).toBe("inner refused");
  expect(await take(other, "pays", "small")).toBe("outer refused");
});

test("tries at once, at two nodes, get no more than either limit has", async () => {
  const [node, other] = [createNode(), createNode()];
  let number = 0;
  const tries = (one: (each: Node) => Promise<string>) =>
    [node, other].flatMap((each) => times(8, () => one(each)));
  expect(
    await countOf(
      tries((each) => take(each, `many ${number++}`, "contested")),
      "yes",
    ),
  ).toBe(2);
  expect(
    await countOf(
      tries((each) => take(each, "one of all", `many ${number++}`)),
      "yes",
    ),
  ).toBe(4);
});

test("a point that is owed comes back by the row and the time that are named", async () => {
  const node = createNode();
  for (let round = 0; round < 2; round += 1) await take(node, `round ${round}`, "owed");
  expect(await take(node, "round 2", "owed")).toBe("inner refused");
  const owed = node.limits.owe("inner", "owed");
  await node.pool.query("update chat.rate_limit set expire = expire - $1 where key = $2", [
    owed?.ms,
    owed?.key,
  ]);
  owed?.settled();
  expect(await take(node, "round 3", "owed")).toBe("yes");
  expect(await take(node, "round 3", "owed")).toBe("inner refused");
});

test("a limit that is off lets pass, and the other one still counts", async () => {
  const onlyInner = createNode({ rules: { ...RULES, outer: "off" } });
  const onlyOuter = createNode({ rules: { ...RULES, inner: "off" } });
  expect(
    await countOf(
      times(9, () => take(onlyInner, "off", "on")),
      "yes",
    ),
  ).toBe(2);
  expect(
    await countOf(
      times(9, () => take(onlyOuter, "on", "off")),
      "yes",
    ),
  ).toBe(4);
  expect(onlyOuter.limits.owe("inner", "off")).toBeUndefined();
  expect(await take(createNode({ rules: { outer: "off", inner: "off" } }), "off", "off")).toBe("yes");
});

test("without a store nothing passes", async () => {
  const { limits } = createNode({ url: NOWHERE });
  const taken = limits.takeBoth(["outer", "down"], ["inner", "down"], question("yes"));
  await expect(taken).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 2 });
});
