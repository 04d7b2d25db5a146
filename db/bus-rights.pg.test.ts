import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { Client } from "pg";
import { PgBoss } from "pg-boss";
import { afterAll, beforeAll, expect, it } from "vitest";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  const boss = new PgBoss({
    connectionString: database.ownerUrl,
    schema: "bus",
    supervise: false,
    schedule: false,
  });
  await boss.start();
  for (const consumer of ["chat", "notification"]) {
    await boss.createQueue(`${consumer}.dead`);
    await boss.createQueue(consumer);
    await boss.send(consumer, { for: consumer });
    await boss.send(`${consumer}.dead`, { for: consumer });
  }
  await boss.stop({ graceful: false });
});
afterAll(() => database.drop());

async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

const tables = ["bus.job", "bus.job_common"];

it.each(["chat", "notification"] as const)(
  "%s sees and changes the events of its own queues and no others",
  async (role) => {
    const url = database.urlFor(role);
    for (const table of tables) {
      const seen = await query<{ for: string }>(url, `select data->>'for' as for from ${table}`);
      expect(seen.map((row) => row.for)).toEqual([role, role]);
      const changed = await query<{ for: string }>(
        url,
        `update ${table} set priority = 1 returning data->>'for' as for`,
      );
      expect(changed.map((row) => row.for)).toEqual([role, role]);
      const other = role === "chat" ? "notification" : "chat";
      await expect(query(url, `insert into ${table} (name) values ('${other}')`)).rejects.toThrow(
        "row-level security",
      );
    }
    expect(await query(url, "select name from bus.queue order by name")).toHaveLength(4);
    const own = [{ name: role }, { name: `${role}.dead` }];
    expect(await query(url, "update bus.queue set monitor_on = now() returning name")).toEqual(
      expect.arrayContaining(own),
    );
    expect(await query(url, "update bus.queue set monitor_on = now() returning name")).toHaveLength(2);
    await expect(query(url, "update bus.version set version = 1")).rejects.toThrow("permission denied");
  },
);

it("the relay publishes to every queue", async () => {
  const url = database.urlFor("relay");
  expect(await query(url, "select from bus.job")).toHaveLength(4);
  await query(url, "insert into bus.job (name) values ('chat'), ('notification')");
});

it("the user service has no access at all", async () => {
  await expect(query(database.urlFor("user"), "select from bus.job")).rejects.toThrow("permission denied");
});

it.each(["chat", "notification", "relay"] as const)("%s writes down when a chore was done", async (role) => {
  const columns = await query<{ column_name: string }>(
    database.ownerUrl,
    "select column_name from information_schema.columns where table_schema = 'bus' and table_name = 'version' and column_name <> 'version'",
  );
  expect(columns).not.toEqual([]);
  const unchanged = columns.map(({ column_name }) => `${column_name} = ${column_name}`).join(", ");
  await query(database.urlFor(role), `update bus.version set ${unchanged}`);
});
