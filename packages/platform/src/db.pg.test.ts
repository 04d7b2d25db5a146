import net from "node:net";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toAppError } from "./app-error.ts";
import { checkDatabase, createDatabase, createPool } from "./db.ts";

let database: TestDatabase;
let owner: pg.Client;
const lines: string[] = [];
const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
const pools: pg.Pool[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await owner.end();
  await database.drop();
});

function newPool(
  applicationName: string,
  options: { statementTimeoutMs?: number; url?: string; pipeline?: boolean } = {},
): pg.Pool {
  const pool = createPool({ url: database.urlFor("chat"), max: 2, applicationName, log, ...options });
  pools.push(pool);
  return pool;
}

/** Bytes of a second statement of `text` that are sent while the first one is unanswered. */
async function sentBehindFirst(pool: pg.Pool, text: string): Promise<number> {
  const client = await pool.connect();
  const { stream } = (client as unknown as { connection: { stream: net.Socket } }).connection;
  const answers = [client.query("select pg_sleep(0)")];
  const before = stream.bytesWritten;
  answers.push(client.query(text));
  const sent = stream.bytesWritten - before;
  await Promise.all(answers);
  client.release();
  return sent;
}

test("a statement is sent before the one in front of it is answered only by a pool that is made for it", async () => {
  const text = `select ${"1".padStart(1000)}`;
  expect(await sentBehindFirst(newPool("one by one"), text)).toBe(0);
  expect(await sentBehindFirst(newPool("pipeline", { pipeline: true }), text)).toBeGreaterThan(text.length);
});

const cut = (name: string) =>
  owner.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [name]);

const logged = (text: string) =>
  expect.poll(() => lines.filter((line) => line.includes(text)).length, { timeout: 5000, interval: 10 });

/** Passes bytes on to a database. `silence` cuts nothing: what comes on the connections there are goes nowhere. */
async function startProxy(target: URL) {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    pairs.add([near, far]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    silence() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        // Keeps reading, so that an end is noticed and answers nothing.
        for (const socket of [near, far]) socket.resume();
      }
    },
    async close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// An unhandled `error` event ends the test process: that these tests end at all is what they show.
test("a connection that is lost while idle is logged, and the next query has a new one", async () => {
  const pool = newPool("idle");
  await checkDatabase(pool);
  await cut("idle");
  await logged("an idle database connection was lost").toBeGreaterThan(0);
  await checkDatabase(pool);
});

test("a connection that is lost under a statement fails that statement, as unavailable", async () => {
  const pool = newPool("busy");
  const asleep = pool.query("select pg_sleep(60)");
  const failed = expect(asleep).rejects.toSatisfy((error) => toAppError(error).code === "unavailable");
  await expect
    .poll(async () => {
      const { rows } = await owner.query(
        "select 1 from pg_stat_activity where application_name = 'busy' and wait_event = 'PgSleep'",
      );
      return rows.length;
    })
    .toBe(1);
  await cut("busy");
  await failed;
  await checkDatabase(pool);
});

test("a connection that is lost between two statements of a transaction fails the second, as unavailable", async () => {
  const pool = newPool("held");
  const client = await pool.connect();
  await client.query("begin");
  await cut("held");
  await logged("a database connection was lost").toBeGreaterThan(0);
  await expect(client.query("select 1")).rejects.toSatisfy(
    (error) => toAppError(error).code === "unavailable",
  );
  client.release(true);
  await checkDatabase(pool);
});

test("a statement that runs too long is ended, as unavailable", async () => {
  const pool = newPool("slow", { statementTimeoutMs: 50 });
  await expect(pool.query("select pg_sleep(60)")).rejects.toSatisfy(
    (error) => toAppError(error).code === "unavailable",
  );
});

describe("behind a network that goes silent", () => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    proxy = await startProxy(new URL(database.urlFor("chat")));
  });
  afterAll(() => proxy.close());

  test("a statement fails soon after its time, as unavailable, and the next one has a new connection", async () => {
    const pool = newPool("silent", { statementTimeoutMs: 600, url: proxy.url });
    await checkDatabase(pool);
    proxy.silence();
    const begun = performance.now();
    await expect(checkDatabase(pool)).rejects.toSatisfy((error) => toAppError(error).code === "unavailable");
    expect(performance.now() - begun).toBeLessThan(5000);
    await checkDatabase(pool);
  });

  test("a transaction fails likewise, and its connection is not used again", async () => {
    const { db, pool, close } = createDatabase<object>({
      ...{ url: proxy.url, max: 1, applicationName: "silent-transaction", log, statementTimeoutMs: 600 },
    });
    const failing = db.transaction().execute(async (tx) => {
      await sql`select 1`.execute(tx);
      proxy.silence();
      await sql`select 1`.execute(tx);
    });
    await expect(failing).rejects.toSatisfy((error) => toAppError(error).code === "unavailable");
    await checkDatabase(pool);
    await close();
  });
});

test("a database that is not there is unavailable", async () => {
  const pool = newPool("nowhere", { url: "postgres://sotto_chat:x@127.0.0.1:1/sotto" });
  await expect(checkDatabase(pool)).rejects.toSatisfy((error) => toAppError(error).code === "unavailable");
});

test("identity columns and counts are numbers", async () => {
  const { rows } = await newPool("types").query("select count(*) as n, 9007199254740991::bigint as big");
  expect(rows).toEqual([{ n: 1, big: Number.MAX_SAFE_INTEGER }]);
});
