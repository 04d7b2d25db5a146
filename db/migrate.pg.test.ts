import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { migrate } from "./migrate.ts";

let database: TestDatabase;
let folder: string;
const { rolePasswords } = inject("testPostgres");

async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

function write(name: string, sql: string): void {
  writeFileSync(path.join(folder, name), sql);
}

function run(): ReturnType<typeof migrate> {
  return migrate({ databaseUrl: database.ownerUrl, rolePasswords, migrationsFolder: folder });
}

beforeEach(async () => {
  database = await createTestDatabase();
  await query(database.ownerUrl, "delete from public.schema_migration");
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-migrations-"));
});

afterEach(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

describe("migrate", () => {
  it("applies each file once, in order, and records it", async () => {
    write("0002_second.sql", "create table chat.b (a_id integer references chat.a (id));");
    write("0001_first.sql", "create table chat.a (id integer primary key);");
    expect((await run()).applied).toEqual(["0001_first.sql", "0002_second.sql"]);
    expect((await run()).applied).toEqual([]);
    const rows = await query(
      database.ownerUrl,
      "select version, name from public.schema_migration order by version",
    );
    expect(rows).toEqual([
      { version: 1, name: "0001_first.sql" },
      { version: 2, name: "0002_second.sql" },
    ]);
  });

  it("applies each file once when several processes migrate at the same time", async () => {
    write("0001_first.sql", "create table chat.a (id integer); select pg_sleep(0.2);");
    const results = await Promise.all([run(), run(), run(), run()]);
    expect(results.flatMap((result) => result.applied)).toEqual(["0001_first.sql"]);
  });

  it("refuses a file that was changed after it was applied", async () => {
    write("0001_first.sql", "create table chat.a (id integer);");
    await run();
    write("0001_first.sql", "create table chat.a (id bigint);");
    await expect(run()).rejects.toThrow("0001_first.sql was changed after it was applied");
  });

  it("takes other line ends for the same file", async () => {
    write("0001_first.sql", "create table chat.a (\n  id integer\n);\n");
    await run();
    write("0001_first.sql", "create table chat.a (\r\n  id integer\r\n);\r\n");
    expect((await run()).applied).toEqual([]);
  });

  it("refuses a database that a newer version has migrated", async () => {
    await query(
      database.ownerUrl,
      "insert into public.schema_migration (version, name, sha256) values (9000, '9000_later.sql', '')",
    );
    await expect(run()).rejects.toThrow("9000_later.sql, which this version of Sotto does not know");
  });

  it("refuses a file that is numbered before one that is applied", async () => {
    write("0002_second.sql", "select 1;");
    await run();
    write("0001_first.sql", "select 1;");
    await expect(run()).rejects.toThrow("0001_first.sql comes before a migration that is applied already");
  });

  it("leaves nothing of a file that fails half way", async () => {
    write("0001_first.sql", "create table chat.a (id integer); select 1/0;");
    await expect(run()).rejects.toThrow("0001_first.sql failed: division by zero");
    expect(await query(database.ownerUrl, "select to_regclass('chat.a') as found")).toEqual([
      { found: null },
    ]);
  });

  it("rejects, and does not end the process, when the server goes away in the middle", async () => {
    write("0001_first.sql", "select pg_terminate_backend(pg_backend_pid());");
    await expect(run()).rejects.toThrow("terminat");
  });

  it("refuses misnamed and doubly numbered files", async () => {
    write("1_first.sql", "select 1;");
    await expect(run()).rejects.toThrow("1_first.sql is not named like");
    rmSync(path.join(folder, "1_first.sql"));
    write("0001_a.sql", "select 1;");
    write("0001_b.sql", "select 1;");
    await expect(run()).rejects.toThrow("two migrations have the number of 0001_b.sql");
  });
});

describe("the migrated database", () => {
  it("lets each service see its own schema and no other's", async () => {
    const visible = (role: "user" | "chat" | "notification" | "relay"): Promise<{ nspname: string }[]> =>
      query(
        database.urlFor(role),
        `select nspname from pg_namespace where nspname in ('account', 'chat', 'notify', 'outbox', 'bus')
           and has_schema_privilege(oid, 'usage') order by 1`,
      );
    expect((await visible("user")).map((row) => row.nspname)).toEqual(["account", "outbox"]);
    expect((await visible("chat")).map((row) => row.nspname)).toEqual(["bus", "chat", "outbox"]);
    expect((await visible("notification")).map((row) => row.nspname)).toEqual(["bus", "notify", "outbox"]);
    expect((await visible("relay")).map((row) => row.nspname)).toEqual(["bus", "outbox"]);
  });

  it("lets no service create anything", async () => {
    for (const role of ["user", "chat", "notification", "relay"] as const)
      for (const schema of ["account", "chat", "notify", "outbox", "bus", "public"])
        await expect(
          query(database.urlFor(role), `create table ${schema}.mine (id integer)`),
        ).rejects.toThrow("permission denied");
  });

  it("gives the services the tables of later migrations without a grant of their own", async () => {
    await query(
      database.ownerUrl,
      "create table chat.later (id bigint generated always as identity, note text)",
    );
    await query(database.urlFor("chat"), "insert into later (note) values ('found by the search path')");
    await expect(query(database.urlFor("user"), "select * from chat.later")).rejects.toThrow(
      "permission denied",
    );
  });

  it("keeps the list of migrations from the services", async () => {
    await expect(query(database.urlFor("chat"), "select * from public.schema_migration")).rejects.toThrow(
      "permission denied",
    );
  });

  it("holds no password in clear", async () => {
    const rows = await query<{ rolpassword: string }>(
      database.ownerUrl,
      "select rolpassword from pg_authid where rolname like 'sotto\\__%'",
    );
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
  });
});
