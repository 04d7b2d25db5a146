import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createOutboxWorld, makeEvent, type OutboxWorld, PATIENT, recorder } from "./relay-fixture.ts";

let world: OutboxWorld;
let owner: pg.Client;
let writer: pg.Client;

beforeAll(async () => {
  world = await createOutboxWorld();
  owner = world.owner;
  writer = await world.connect(world.database.urlFor("chat"));
});
beforeEach(() => owner.query("truncate outbox.event, outbox.parked"));
afterEach(() => world.reset());
afterAll(() => world?.close());

describe("the relay", () => {
  it("publishes rows in order, and within a row in its order, then deletes them", async () => {
    const expected: string[] = [];
    for (let row = 0; row < 30; row++) {
      const events = Array.from({ length: 1 + (row % 4) }, () => makeEvent());
      expected.push(...events.map(({ id }) => id));
      await world.append(writer, ...events);
    }
    const { ids, publish } = recorder();
    world.startRelay(publish);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(ids).toEqual(expected);
  });

  it("publishes a row that was committed after rows with higher ids", async () => {
    const slow = await world.connect(world.database.urlFor("chat"));
    const late = makeEvent();
    await slow.query("begin");
    await world.append(slow, late);
    const early = makeEvent();
    await world.append(writer, early);
    const { ids, publish } = recorder();
    world.startRelay(publish);
    await vi.waitFor(() => expect(ids).toEqual([early.id]), PATIENT);
    await slow.query("commit");
    await vi.waitFor(() => expect(ids).toEqual([early.id, late.id]), PATIENT);
  });

  it("begins reading behind what is gone, and yet publishes a row whose writer took a thousand rows' time", async () => {
    const slow = await world.connect(world.database.urlFor("chat"));
    const late = makeEvent();
    await slow.query("begin");
    await world.append(slow, late);
    const { rows: drawn } = await owner.query<{ id: string }>(
      "select last_value as id from outbox.event_id_seq",
    );
    const lateId = BigInt(drawn[0]?.id ?? 0);
    const fill = async (): Promise<void> => {
      const rows = Array.from({ length: 1100 }, () => JSON.stringify([makeEvent()]));
      await owner.query(
        "insert into outbox.event (events) select value::jsonb from unnest($1::text[]) value",
        [rows],
      );
      await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    };
    const { ids, publish } = recorder();
    const relay = world.startRelay(publish);
    await fill();
    await fill();
    expect(relay.readFrom()).toBeLessThan(lateId);
    await slow.query("commit");
    await vi.waitFor(() => expect(ids).toContain(late.id), PATIENT);
    await vi.waitFor(async () => {
      await fill();
      expect(relay.readFrom()).toBeGreaterThan(lateId);
    }, PATIENT);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("moves a row larger than a batch, and everything behind it", async () => {
    const large = { ...makeEvent(), padding: "x".repeat(3_000_000) };
    const others = Array.from({ length: 5 }, () => makeEvent());
    await world.append(writer, large);
    for (const event of others) await world.append(writer, event);
    const { ids, publish } = recorder();
    world.startRelay(publish);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(ids).toEqual([large, ...others].map(({ id }) => id));
  });

  it("keeps rows until the broker has confirmed them", async () => {
    await world.append(writer, makeEvent());
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: confirmed, resolve: confirm } = Promise.withResolvers<void>();
    world.startRelay(() => {
      ask();
      return confirmed;
    });
    await asked;
    const kept = await world.countRows();
    confirm();
    expect(kept).toBe(1);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
  });

  it("tries again, in order, while the broker refuses", async () => {
    const { ids, publish } = recorder();
    let refusals = 0;
    const events = [makeEvent(), makeEvent()];
    for (const event of events) await world.append(writer, event);
    world.startRelay(async (batch) => {
      if (++refusals <= 2) throw new Error("the broker is away");
      await publish(batch);
    });
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(ids).toEqual(events.map(({ id }) => id));
  });

  it("repeats the whole batch that failed half way, so that first arrivals keep their order", async () => {
    const { ids, publish } = recorder();
    const events = Array.from({ length: 12 }, makeEvent);
    for (let from = 0; from < 12; from += 3) await world.append(writer, ...events.slice(from, from + 3));
    const cuts = [5, 2, 9];
    world.startRelay(async (batch) => {
      const cut = cuts.shift();
      await publish(batch.slice(0, cut));
      if (cut !== undefined) throw new Error("the broker is away");
    });
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(ids.length).toBeGreaterThan(12);
    expect([...new Set(ids)]).toEqual(events.map(({ id }) => id));
  });

  it("parks what cannot be published, and publishes what stands beside and behind it", async () => {
    const [beside, behind] = [makeEvent(), makeEvent()];
    await world.append(writer, { id: "not a uuid", type: "x", key: "k" }, beside);
    await world.append(writer, behind);
    const { ids, publish } = recorder();
    world.startRelay(publish);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(ids).toEqual([beside.id, behind.id]);
    const { rows } = await owner.query("select event, reason from outbox.parked");
    expect(rows).toEqual([
      { event: { id: "not a uuid", type: "x", key: "k" }, reason: expect.stringContaining("id") },
    ]);
  });

  it("is active once: a second relay stands by, and takes over when the first ends", async () => {
    const [first, second] = [recorder(), recorder()];
    const active = world.startRelay(first.publish);
    const one = makeEvent();
    await world.append(writer, one);
    await vi.waitFor(() => expect(first.ids).toEqual([one.id]), PATIENT);
    world.startRelay(second.publish);
    // The last thing that the second did is to ask for the lock: it does not read the outbox.
    await vi.waitFor(async () => {
      const { rowCount } = await owner.query(
        `select from pg_stat_activity where application_name = 'relay' and state = 'idle'
           and query like '%pg_try_advisory_lock%' and datname = current_database()`,
      );
      expect(rowCount).toBe(1);
    }, PATIENT);
    const two = makeEvent();
    await world.append(writer, two);
    await vi.waitFor(() => expect(first.ids).toEqual([one.id, two.id]), PATIENT);
    await active.stop();
    const three = makeEvent();
    await world.append(writer, three);
    await vi.waitFor(() => expect(second.ids).toEqual([three.id]), PATIENT);
  });

  it("comes back when its database connection is cut, also while it publishes", async () => {
    const { ids, publish } = recorder();
    const cut = (): Promise<unknown> =>
      owner.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'relay' and datname = current_database()",
      );
    let isFirst = true;
    world.startRelay(async (events) => {
      if (isFirst) await cut();
      isFirst = false;
      await publish(events);
    });
    const event = makeEvent();
    await world.append(writer, event);
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
    expect(new Set(ids)).toEqual(new Set([event.id]));
    await cut();
    await world.append(writer, makeEvent());
    await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
  });
});
