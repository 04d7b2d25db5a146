import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { PublishableEvent } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createRelay, type Relay } from "./relay.ts";
import type { CrashStep } from "./relay-crash-process.ts";

const PATIENT = { timeout: 20_000, interval: 50 };
const LONG_TEST_MS = 60_000;

let database: TestDatabase;
let owner: pg.Client;
let writer: pg.Client;
const relays: Relay[] = [];
const quiet = createLogger({ service: "test", level: "silent" });

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  writer = new pg.Client({ connectionString: database.urlFor("chat") });
  await owner.connect();
  await writer.connect();
});
beforeEach(() => owner.query("truncate outbox.event, outbox.parked"));
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});
afterAll(async () => {
  await owner?.end();
  await writer?.end();
  await database?.drop();
});

const makeEvent = (key = "key") => ({
  id: systemIds.uuidv7(),
  type: "chat.device-added",
  version: 1,
  occurredAt: "2026-01-01T00:00:00.000Z",
  key,
  data: { accountId: systemIds.uuidv7(), deviceId: systemIds.uuidv7() },
});

async function append(client: pg.Client, ...events: unknown[]): Promise<void> {
  await client.query("insert into outbox.event (events) values ($1)", [JSON.stringify(events)]);
}

async function countRows(): Promise<number> {
  const { rows } = await owner.query<{ count: string }>("select count(*) from outbox.event");
  return Number(rows[0]?.count);
}

function startRelay(publish: (events: readonly PublishableEvent[]) => Promise<void>): Relay {
  const relay = createRelay({
    databaseUrl: database.urlFor("relay"),
    bus: { publish },
    log: quiet,
    metrics: createMetrics(),
  });
  relays.push(relay);
  relay.start();
  return relay;
}

/** A bus that remembers what it was given. */
function recorder() {
  const ids: string[] = [];
  return {
    ids,
    publish: async (events: readonly PublishableEvent[]) => void ids.push(...events.map(({ id }) => id)),
  };
}

describe("the relay", () => {
  it("publishes rows in order, and within a row in its order, then deletes them", async () => {
    const expected: string[] = [];
    for (let row = 0; row < 30; row++) {
      const events = Array.from({ length: 1 + (row % 4) }, () => makeEvent());
      expected.push(...events.map(({ id }) => id));
      await append(writer, ...events);
    }
    const { ids, publish } = recorder();
    startRelay(publish);
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
    expect(ids).toEqual(expected);
  });

  it("publishes a row that was committed after rows with higher ids", async () => {
    const slow = new pg.Client({ connectionString: database.urlFor("chat") });
    await slow.connect();
    const late = makeEvent();
    await slow.query("begin");
    await append(slow, late);
    const early = makeEvent();
    await append(writer, early);
    const { ids, publish } = recorder();
    startRelay(publish);
    await vi.waitFor(() => expect(ids).toEqual([early.id]), PATIENT);
    await slow.query("commit");
    await slow.end();
    await vi.waitFor(() => expect(ids).toEqual([early.id, late.id]), PATIENT);
  });

  it("moves a row larger than a batch, and everything behind it", async () => {
    const large = { ...makeEvent(), padding: "x".repeat(3_000_000) };
    const others = Array.from({ length: 5 }, () => makeEvent());
    await append(writer, large);
    for (const event of others) await append(writer, event);
    const { ids, publish } = recorder();
    startRelay(publish);
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
    expect(ids).toEqual([large, ...others].map(({ id }) => id));
  });

  it("keeps rows until the broker has confirmed them", async () => {
    await append(writer, makeEvent());
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: confirmed, resolve: confirm } = Promise.withResolvers<void>();
    startRelay(() => {
      ask();
      return confirmed;
    });
    await asked;
    const kept = await countRows();
    confirm();
    expect(kept).toBe(1);
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
  });

  it("tries again, in order, while the broker refuses", async () => {
    const { ids, publish } = recorder();
    let refusals = 0;
    const events = [makeEvent(), makeEvent()];
    for (const event of events) await append(writer, event);
    startRelay(async (batch) => {
      if (++refusals <= 2) throw new Error("the broker is away");
      await publish(batch);
    });
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
    expect(ids).toEqual(events.map(({ id }) => id));
  });

  it("parks what cannot be published, and publishes what stands beside and behind it", async () => {
    const [beside, behind] = [makeEvent(), makeEvent()];
    await append(writer, { id: "not a uuid", type: "x", key: "k" }, beside);
    await append(writer, behind);
    const { ids, publish } = recorder();
    startRelay(publish);
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
    expect(ids).toEqual([beside.id, behind.id]);
    const { rows } = await owner.query("select event, reason from outbox.parked");
    expect(rows).toEqual([
      { event: { id: "not a uuid", type: "x", key: "k" }, reason: expect.stringContaining("id") },
    ]);
  });

  it("is active once: a second relay stands by, and takes over when the first ends", async () => {
    const [first, second] = [recorder(), recorder()];
    const active = startRelay(first.publish);
    const one = makeEvent();
    await append(writer, one);
    await vi.waitFor(() => expect(first.ids).toEqual([one.id]), PATIENT);
    startRelay(second.publish);
    // The last thing that the second did is to ask for the lock: it does not read the outbox.
    await vi.waitFor(async () => {
      const { rowCount } = await owner.query(
        `select from pg_stat_activity where application_name = 'relay' and state = 'idle'
           and query like '%pg_try_advisory_lock%' and datname = current_database()`,
      );
      expect(rowCount).toBe(1);
    }, PATIENT);
    const two = makeEvent();
    await append(writer, two);
    await vi.waitFor(() => expect(first.ids).toEqual([one.id, two.id]), PATIENT);
    await active.stop();
    const three = makeEvent();
    await append(writer, three);
    await vi.waitFor(() => expect(second.ids).toEqual([three.id]), PATIENT);
  });

  it("comes back when its database connection is cut, also while it publishes", async () => {
    const { ids, publish } = recorder();
    const cut = (): Promise<unknown> =>
      owner.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'relay' and datname = current_database()",
      );
    let isFirst = true;
    startRelay(async (events) => {
      if (isFirst) await cut();
      isFirst = false;
      await publish(events);
    });
    const event = makeEvent();
    await append(writer, event);
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
    expect(new Set(ids)).toEqual(new Set([event.id]));
    await cut();
    await append(writer, makeEvent());
    await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
  });
});

describe("a relay that is killed", () => {
  const script = fileURLToPath(new URL("./relay-crash-process.ts", import.meta.url));

  /** Waits until the relay's DELETE is blocked by a lock that we hold on the rows, and kills the relay then. */
  async function killWhileDeleting(pid: number): Promise<void> {
    await vi.waitFor(async () => {
      const { rowCount } = await owner.query(
        `select from pg_stat_activity where application_name = 'relay' and wait_event_type = 'Lock'
           and query like '%delete from outbox.event%'`,
      );
      expect(rowCount).toBe(1);
    }, PATIENT);
    process.kill(pid, "SIGKILL");
  }

  async function runUntilKilled(consumer: string, step: CrashStep): Promise<void> {
    const settings = JSON.stringify({ databaseUrl: database.urlFor("relay"), consumer, step });
    const locker = new pg.Client({ connectionString: database.ownerUrl });
    await locker.connect();
    await locker.query("begin");
    if (step === "deleting") await locker.query("select from outbox.event for update");
    const child = spawn(process.execPath, [script, settings], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    try {
      if (step === "deleting") await killWhileDeleting(child.pid ?? 0);
      expect(await ended).toBe("SIGKILL");
    } finally {
      child.kill("SIGKILL");
      await locker.end();
    }
  }

  const steps: CrashStep[] = ["before publishing", "half published", "published", "deleting"];
  it.each(steps)(
    "loses no event and has each consumed once: %s",
    async (step) => {
      const consumer = `test-${systemIds.uuidv7()}`;
      const topology = { [consumer]: ["chat.device-added"] } as const;
      const events = Array.from({ length: 20 }, () => makeEvent());
      for (let from = 0; from < 20; from += 5) await append(writer, ...events.slice(from, from + 5));
      await runUntilKilled(consumer, step);
      const bus = createBus({
        databaseUrl: database.urlFor("relay"),
        service: "test",
        log: quiet,
        metrics: createMetrics(),
        topology,
      });
      const relay = startRelay((batch) => bus.publish(batch));
      try {
        const seen: string[] = [];
        bus.consume({
          consumer,
          types: ["chat.device-added"],
          concurrency: 10,
          handle: async (event) => void seen.push(event.id),
        });
        await vi.waitFor(() => expect(seen).toHaveLength(20), PATIENT);
        await vi.waitFor(async () => expect(await countRows()).toBe(0), PATIENT);
        // pg-boss drops repetitions by the event's id, so that not even duplicates are left here.
        expect(new Set(seen)).toEqual(new Set(events.map(({ id }) => id)));
        expect(seen).toHaveLength(20);
      } finally {
        await relay.stop();
        await bus.close();
      }
    },
    LONG_TEST_MS,
  );
});
