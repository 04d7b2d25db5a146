import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generateFiles, readCommitted } from "./generated.ts";

let database: TestDatabase;
let files: Map<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  files = await generateFiles(database.ownerUrl);
});

afterAll(() => database.drop());

it("db/schema.sql is what the migrations make (npm run db:dump)", () => {
  expect(readCommitted("db/schema.sql")).toBe(files.get("db/schema.sql"));
});

it.each(["account", "chat", "notify", "outbox"])(
  "the types of %s are those of its tables (npm run db:dump)",
  (schema) => {
    const file = `packages/platform/src/db-types/${schema}.ts`;
    expect(readCommitted(file)).toBe(files.get(file));
  },
);

it("every table is told with its rights, so that a changed grant shows up in review", () => {
  const text = files.get("db/schema.sql");
  expect(text).toContain("grant usage on schema chat to sotto_chat;");
  expect(text).toContain(
    "grant delete, insert, select, update on future tables in schema chat to sotto_chat;",
  );
  expect(text).toContain("alter role sotto_chat set search_path=chat;");
  expect(text).toContain("create table public.schema_migration (");
});
