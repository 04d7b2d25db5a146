// A person is deleted, and nothing of it is left in the installation.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Client, createClient, memoryStore } from "@sotto/client";
import { type Stack, startStack } from "@sotto/testkit/stack";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

const PASSWORD = "a long enough password";
const PATIENCE = { timeout: 90_000, interval: 1000 };

let stack: Stack;
let database: pg.Client;
beforeAll(async () => {
  stack = await startStack({ env: { DELETION_GRACE_DAYS: "0" } });
  const port = stack.runFile().parts.find(({ name }) => name === "postgresql")?.port;
  const password = readFileSync(path.join(stack.dataDir, "postgres", "password"), "utf8").trim();
  database = new pg.Client({ host: "127.0.0.1", port, user: "sotto", password, database: "sotto" });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await stack.stop();
  stack.remove();
});

async function join(username: string): Promise<{ client: Client; accountId: string; deviceId: string }> {
  const client = await createClient({ url: stack.url, store: memoryStore() });
  await client.register({ username, email: `${username}@example.org`, password: PASSWORD });
  const own = await client.account();
  if (!own) throw new Error("a registered client has no account");
  return { client, accountId: own.accountId, deviceId: own.deviceId };
}

async function post(pathname: string, request: { token?: string; body?: object }): Promise<Response> {
  return fetch(`${stack.url}/api/user${pathname}`, {
    method: "POST",
    headers: {
      ...(request.body && { "Content-Type": "application/json" }),
      ...(request.token && { Authorization: `Bearer ${request.token}` }),
    },
    ...(request.body && { body: JSON.stringify(request.body) }),
  });
}

async function tokenOf(username: string): Promise<string> {
  const answer = await post("/sign-in", { body: { username, password: PASSWORD } });
  const { session } = (await answer.json()) as { session: { accessToken: string } };
  return session.accessToken;
}

/** A text is sought in every form that a column can hold it in. */
const spellings = (text: string): string[] => [
  text,
  text.replaceAll("-", ""),
  Buffer.from(text).toString("hex"),
];

/** Columns of all tables of all schemas that hold one of these texts, as "schema.table.column". */
async function columnsWith(texts: readonly string[]): Promise<string[]> {
  const { rows: columns } = await database.query<{ schema: string; table: string; column: string }>(`
    select c.table_schema as schema, c.table_name as table, c.column_name as column
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where t.table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
    order by 1, 2, 3`);
  expect(new Set(columns.map(({ schema }) => schema))).toEqual(
    new Set(["account", "bus", "chat", "notify", "outbox", "public"]),
  );
  const needles = texts.flatMap(spellings);
  const found: string[] = [];
  for (const { schema, table, column } of columns) {
    const place = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
    const { rowCount } = await database.query(
      `select from ${place} where exists (
         select from unnest($1::text[]) needle where ${pg.escapeIdentifier(column)}::text ilike '%' || needle || '%')`,
      [needles],
    );
    if (rowCount) found.push(`${schema}.${table}.${column}`);
  }
  return found;
}

test("nothing of a person that was deleted is left in any column of any table", async () => {
  const alice = await join("alice_who_leaves");
  const bob = await join("bob_who_stays");
  const heard = bob.client.messages()[Symbol.asyncIterator]();
  const told = alice.client.messages()[Symbol.asyncIterator]();
  await (await (await alice.client.conversations.direct("bob_who_stays")).send({ text: "hi" })).accepted;
  expect((await heard.next()).value?.text).toBe("hi");
  await (await (await bob.client.conversations.direct("alice_who_leaves")).send({ text: "ho" })).accepted;
  expect((await told.next()).value?.text).toBe("ho");
  const ofAlice = [alice.accountId, alice.deviceId, "alice_who_leaves"];
  const ofBob = [bob.accountId, bob.deviceId, "bob_who_stays"];
  // What is sought is found while she is there.
  const before = await columnsWith(ofAlice);
  for (const place of ["account.account.username", "account.session.account_id", "notify.email.recipient"]) {
    await expect.poll(() => columnsWith(ofAlice), PATIENCE).toContain(place);
  }
  expect(before).toEqual(expect.arrayContaining(["chat.device.account_id", "chat.member.account_id"]));

  const answer = await post("/delete", { token: await tokenOf("alice_who_leaves") });
  expect(answer.status).toBe(202);
  await alice.client.close();
  // For a day her id alone is known, so that what comes late stores nothing of her again.
  await expect.poll(() => columnsWith(ofAlice), PATIENCE).toEqual(["chat.deleted_account.account_id"]);
  await database.query("update chat.deleted_account set deleted_at = deleted_at - interval '25 hours'");
  await expect.poll(() => columnsWith(ofAlice), PATIENCE).toEqual([]);

  // Nothing of his went with her.
  expect(await columnsWith(ofBob)).toEqual(
    expect.arrayContaining(["account.account.username", "chat.device.account_id", "notify.email.recipient"]),
  );
  expect((await post("/sign-in", { body: { username: "bob_who_stays", password: PASSWORD } })).status).toBe(
    200,
  );
  await bob.client.close();
});
