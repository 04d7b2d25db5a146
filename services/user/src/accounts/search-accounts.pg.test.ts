import { afterAll, beforeAll, expect, test } from "vitest";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";
import { accountsInRange } from "./account-queries.ts";
import { prefixRange } from "./prefix-range.ts";

let user: UserApp;
let token: string;
beforeAll(async () => {
  user = await startUserApp();
  token = (await user.register("alice")).accessToken;
  for (const name of ["alice_b", "alicia", "al_x", "alxx", "bob"]) await user.register(name);
});
afterAll(() => user.close());

async function namesFor(query: string): Promise<string[]> {
  const response = await user.get(`/accounts?${query}`, { token });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return (JSON.parse(text) as { accounts: { username: string }[] }).accounts.map(({ username }) => username);
}

test("a search finds the names that start with the prefix, in order, the exact one first", async () => {
  expect(await namesFor("prefix=alic")).toEqual(["alice", "alice_b", "alicia"]);
  expect(await namesFor("prefix=ALICE")).toEqual(["alice", "alice_b"]);
  expect(await namesFor("prefix=lice")).toEqual([]);
  expect(await namesFor("prefix=al&limit=2")).toEqual(["al_x", "alice"]);
});

test("an underscore is a letter, not a pattern", async () => {
  expect(await namesFor("prefix=al_")).toEqual(["al_x"]);
});

test("a search tells id and name of an account and nothing else", async () => {
  const response = await user.get("/accounts?prefix=bob", { token });
  expect(await response.json()).toEqual({
    accounts: [{ accountId: expect.any(String), username: "bob", displayName: null }],
  });
});

test("an account is found by its id while it is active, and only then", async () => {
  const { accountId } = await user.register("carol");
  const read = async (id: string) => (await user.get(`/accounts/${id}`, { token })).json();
  expect(await read(accountId)).toEqual({ accountId, username: "carol", displayName: null });
  const unknown = await read("01900000-0000-7000-8000-000000000000");
  expect(unknown).toMatchObject({ status: 404, code: "not_found" });
  await user.owner.query(
    "update account.account set state = 'suspended', suspended_reason = 'x' where account_id = $1",
    [accountId],
  );
  expect({ ...(await read(accountId)), requestId: "" }).toEqual({ ...unknown, requestId: "" });
});

test("looking for people has a limit of its own, which every kind of looking uses up", async () => {
  const { accessToken } = await user.register("curious");
  const { accountId } = await user.register("dora");
  const statuses = new Set<number>();
  for (let time = 0; time < 40; time += 1) {
    const path = time % 2 === 0 ? "/accounts?prefix=al" : `/accounts/${accountId}`;
    statuses.add((await user.get(path, { token: accessToken })).status);
  }
  expect([...statuses]).toEqual([200, 429]);
  expect((await user.get("/me", { token: accessToken })).status).toBe(200);
});

test("patterns, bad limits and repeated or unknown parameters are refused", async () => {
  for (const query of [
    "",
    "prefix=",
    "prefix=%25",
    "prefix=a%25",
    "prefix=%00",
    "prefix=a%27--",
    `prefix=${"a".repeat(33)}`,
    "prefix=a&limit=-5",
    "prefix=a&limit=0",
    "prefix=a&limit=abc",
    "prefix=a&limit=101",
    "prefix=a&limit=1e9",
    "prefix=a&limit=1.5",
    "prefix=a&prefix=b",
    "prefix=a&offset=1",
    "prefix=a&__proto__=1",
  ]) {
    const response = await user.get(`/accounts?${query}`, { token });
    expect(response.status, query).toBe(400);
    expect(await response.json()).toMatchObject({ code: "bad_request" });
  }
});

test("a search reads a range of the index of names, also in a database whose collation is not bytewise", async () => {
  await user.owner.query(`
    insert into account.account (account_id, username, email, password_hash, created_at)
    select gen_random_uuid(), 'generated' || n, 'g@example.org', '', now() from generate_series(1, 20000) n`);
  await user.owner.query("analyze account.account");
  const plan = await accountsInRange(user.context.db, prefixRange("generated19"), 20).explain("json");
  const [{ Plan: top }] = (plan[0] as { "QUERY PLAN": [{ Plan: Record<string, unknown> }] })["QUERY PLAN"];
  expect(top).toMatchObject({ "Node Type": "Limit" });
  expect(top.Plans).toEqual([
    expect.objectContaining({
      "Node Type": "Index Scan",
      "Index Name": "account_username_unique",
      "Index Cond": expect.stringMatching(/username >= .*username < /),
    }),
  ]);
  const { rows } = await user.owner.query(
    "select collation_name from information_schema.columns where table_schema = 'account' and column_name = 'username'",
  );
  expect(rows).toEqual([{ collation_name: "C" }]);
});
