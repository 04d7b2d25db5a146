import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemIds } from "../ids.ts";
import { createLogger } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import { type Bus, PoisonEventError } from "./bus.ts";
import { createBusAdmin } from "./bus-admin.ts";
import { createBus } from "./create-bus.ts";
import { topology } from "./topology.ts";

let database: TestDatabase;
let owner: Client;
const buses: Bus[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await owner?.end();
  await database?.drop();
});

function busOf(role: "relay" | "notification"): Bus {
  const log = createLogger({ service: "test", level: "silent" });
  const bus = createBus({
    ...{ service: role, databaseUrl: database.urlFor(role), brokerUrl: undefined },
    ...{ log, metrics: createMetrics() },
  });
  buses.push(bus);
  return bus;
}

function deleted(accountId: string) {
  const head = { id: systemIds.uuidv7(), version: 1, occurredAt: "2026-01-01T00:00:00.000Z", key: accountId };
  return { ...head, type: "user.account-deleted", data: { accountId } };
}

test("a finished event leaves nothing of its content on the bus, and one that failed stays with its dead letter only", async () => {
  const [handled, poison] = [systemIds.uuidv7(), systemIds.uuidv7()];
  const consumer = busOf("notification");
  consumer.consume({
    consumer: "notification",
    types: topology.notification,
    concurrency: 1,
    handle: async (event) => {
      if (event.key === poison) throw new PoisonEventError("a reason");
    },
  });
  await busOf("relay").publish([deleted(handled), deleted(poison)]);
  const queuesWith = async (text: string) => {
    // The queue of chat, which nobody reads here, holds the event as well.
    const { rows } = await owner.query(
      "select name from bus.job t where t::text like $1 and name like 'notification%' order by name",
      [`%${text}%`],
    );
    return rows.map(({ name }) => name);
  };
  const finished = async () => {
    const { rows } = await owner.query(
      "select count(*)::int from bus.job where name = 'notification' and completed_on is not null",
    );
    return rows[0].count;
  };
  await expect.poll(finished, { timeout: 30_000 }).toBe(2);
  await expect.poll(() => queuesWith(handled), { timeout: 30_000 }).not.toContain("notification");
  await expect.poll(() => queuesWith(poison), { timeout: 30_000 }).toEqual(["notification.dead"]);
  const admin = createBusAdmin({
    databaseUrl: database.urlFor("notification"),
    log: createLogger({ service: "test", level: "silent" }),
  });
  expect(await admin.listDeadLetters("notification", 10)).toMatchObject([{ body: { key: poison } }]);
  await admin.close();
  // The jobs are still known by their ids: a repetition is not queued again.
  expect(await finished()).toBe(2);
});
