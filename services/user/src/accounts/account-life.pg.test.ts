import { deletionScheduled } from "@sotto/contracts/account-api";
import { problem } from "@sotto/contracts/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditTypes, eventsOf, lastMailToken, noticesOf } from "../emails/mail-link-fixture.ts";
import { doChore } from "../start-chores.ts";
import { PASSWORD, type Registered, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { deleteDueAccounts } from "./delete-due-accounts.ts";

const DAY_SECONDS = 24 * 60 * 60;
const GRACE_DAYS = 30;

let user: UserApp;
let observer: Registered;
beforeAll(async () => {
  user = await startUserApp({ env: { RATE_LIMITS: '{"*":"off"}' } });
  observer = await user.register("observer");
});
afterAll(() => user.close());

const act = (person: Registered, path: string) => user.post(path, { token: person.accessToken });
const chore = () => doChore(user.context, { name: "test", batch: deleteDueAccounts });
const codeOf = async (response: Response) => problem.parse(await response.json()).code;

async function found(username: string): Promise<boolean> {
  // An access token of the observer that is always new enough.
  const { token } = await user.context.accessTokens.sign({ ...observer, authenticatedAt: user.clock.now() });
  const response = await user.get(`/accounts?prefix=${username}`, { token });
  const { accounts } = (await response.json()) as { accounts: { username: string }[] };
  return accounts.some((account) => account.username === username);
}

async function stateOf(accountId: string): Promise<string | undefined> {
  const { rows } = await user.owner.query("select state from account.account where account_id = $1", [
    accountId,
  ]);
  return rows[0]?.state;
}

/** Tables of the service that hold a text anywhere. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows } = await user.owner.query(
    "select table_name as name from information_schema.tables where table_schema = 'account'",
  );
  const holding: string[] = [];
  for (const { name } of rows) {
    const { rowCount } = await user.owner.query(
      `select from account.${name} t where t::text ilike '%' || $1 || '%'`,
      [text],
    );
    if (rowCount) holding.push(name);
  }
  return holding;
}

test("a display name can be given at the start, changed and taken away, and others see it", async () => {
  const body = { username: "named", email: "n@example.org", password: PASSWORD, displayName: "  Ned  " };
  const response = await user.post("/register", { body });
  const { account, session } = (await response.json()) as {
    account: { accountId: string; displayName: string };
    session: { accessToken: string };
  };
  expect(account.displayName).toBe("Ned");
  const rename = (displayName: unknown) =>
    user.send("PATCH", "/api/user/me", { token: session.accessToken, body: { displayName } });
  expect(await (await rename("Néd 🦆")).json()).toMatchObject({ displayName: "Néd 🦆", username: "named" });
  const search = await user.get("/accounts?prefix=named", { token: session.accessToken });
  expect(await search.json()).toMatchObject({ accounts: [{ displayName: "Néd 🦆" }] });
  expect(await (await rename(null)).json()).toMatchObject({ displayName: null });
  for (const bad of ["", "  ", "a\nb", "\u0000", "\ud800", "x".repeat(65), 1, undefined]) {
    expect((await rename(bad)).status, String(bad)).toBe(400);
  }
  expect(
    (await auditTypes(user, account.accountId)).filter((type) => type === "profile-changed"),
  ).toHaveLength(2);
});

test("a deactivated account has no session and is not found", async () => {
  const person = await user.register("sleeper");
  expect(await found("sleeper")).toBe(true);
  expect((await act(person, "/deactivate")).status).toBe(204);
  expect(await stateOf(person.accountId)).toBe("deactivated");
  expect(await found("sleeper")).toBe(false);
  expect(await codeOf(await user.get("/me", { token: person.accessToken }))).toBe("session_revoked");
  const refresh = await user.post("/refresh", { body: { refreshToken: person.refreshToken } });
  expect(await codeOf(refresh)).toBe("session_revoked");
  expect(await eventsOf(user, person.accountId, "user.session-revoked")).toHaveLength(1);
  expect(await auditTypes(user, person.accountId)).toContain("account-deactivated");
  expect(await noticesOf(user, person.accountId)).toEqual(["account-deactivated to sleeper@example.org"]);
});

test("deactivating and deleting need a session that has proved itself lately", async () => {
  const person = await user.register("hasty");
  user.clock.advance(301);
  for (const path of ["/deactivate", "/delete"]) {
    expect(await codeOf(await act(person, path))).toBe("reauthentication_required");
  }
  expect(await stateOf(person.accountId)).toBe("active");
});

test("of a deactivation and a deletion at once one counts", async () => {
  const person = await user.register("torn");
  const answers = await Promise.all([
    act(person, "/deactivate"),
    act(person, "/delete"),
    act(person, "/delete"),
  ]);
  const good = answers.filter(({ status }) => status < 300);
  expect(good).toHaveLength(1);
  for (const answer of answers) if (answer.status >= 300) expect(answer.status).toBe(401);
  expect(await noticesOf(user, person.accountId)).toHaveLength(1);
});

test("an account that is to be deleted is hidden at once, lives through its grace, and is gone with everything after it", async () => {
  const person = await user.register("leaving");
  await user.post("/email/change", { token: person.accessToken, body: { email: "leaving2@example.org" } });
  const begun = await lastMailToken(user, person.accountId, "user.email-verification-requested");
  await user.owner.query("insert into account.recovery_code values ($1, '\\x01')", [person.accountId]);
  await user.owner.query(
    "insert into account.totp (account_id, sealed_secret, created_at) values ($1, '', now())",
    [person.accountId],
  );
  for (const key of [person.accountId, person.sessionId, '["leaving"]', '["leaving","127.0.0.1"]']) {
    await user.owner.query("insert into account.rate_limit values ('sign-in.account:' || $1, 1, 1)", [key]);
  }
  const response = await act(person, "/delete");
  expect(response.status).toBe(202);
  const { deletesAt } = deletionScheduled.parse(await response.json());
  expect(Date.parse(deletesAt) - user.clock.now().getTime()).toBe(GRACE_DAYS * DAY_SECONDS * 1000);
  expect(await found("leaving")).toBe(false);
  expect(await codeOf(await user.get("/me", { token: person.accessToken }))).toBe("session_revoked");
  expect((await user.post("/email/verify", { body: { token: begun } })).status).toBe(410);
  expect(await noticesOf(user, person.accountId)).toContain(
    "account-deletion-scheduled to leaving@example.org",
  );

  user.clock.advance(GRACE_DAYS * DAY_SECONDS - 1);
  await chore();
  expect(await stateOf(person.accountId)).toBe("deleting");
  user.clock.advance(1);
  await chore();
  for (const text of [person.accountId, person.sessionId, "leaving"]) {
    expect(await tablesWith(text), text).toEqual([]);
  }
  expect(await eventsOf(user, person.accountId, "user.account-deleted")).toEqual([
    expect.objectContaining({ data: { accountId: person.accountId } }),
  ]);
  await chore();
  expect(await eventsOf(user, person.accountId, "user.account-deleted")).toHaveLength(1);
});

test("the name of an account is taken while it is to be deleted, and free when it is gone", async () => {
  const person = await user.register("renamed");
  const again = () =>
    user.post("/register", { body: { username: "renamed", email: "r@example.org", password: PASSWORD } });
  await act(person, "/delete");
  expect(await codeOf(await again())).toBe("username_taken");
  user.clock.advance(GRACE_DAYS * DAY_SECONDS);
  await chore();
  expect((await again()).status).toBe(201);
});

test("more accounts than one batch are deleted, and no others", async () => {
  await user.owner.query(`
    insert into account.account (account_id, username, email, password_hash, created_at, state, deletes_at)
    select gen_random_uuid(), 'due' || n, 'd@example.org', '', now(), 'deleting', '2026-01-01'
    from generate_series(1, 45) n`);
  const others = await user.owner.query(
    "select count(*)::int from account.account where username not like 'due%'",
  );
  await chore();
  const left = await user.owner.query("select count(*)::int from account.account");
  expect(left.rows).toEqual(others.rows);
});

test("an account that is signed in to at the moment of its deletion lives", async () => {
  const person = await user.register("saved");
  await act(person, "/delete");
  user.clock.advance(GRACE_DAYS * DAY_SECONDS);
  // A sign-in holds the row of the account, and has not committed yet.
  const signIn = await user.context.pool.connect();
  try {
    await signIn.query("begin");
    await signIn.query("select from account.account where account_id = $1 for no key update", [
      person.accountId,
    ]);
    await chore();
    await signIn.query(
      "update account.account set state = 'active', deletes_at = null where account_id = $1",
      [person.accountId],
    );
    await signIn.query("commit");
  } finally {
    signIn.release();
  }
  await chore();
  expect(await stateOf(person.accountId)).toBe("active");
  expect(await eventsOf(user, person.accountId, "user.account-deleted")).toEqual([]);
});

test("of sign-ins and the deletion at the same moment each account is kept or gone, and nobody is told otherwise", async () => {
  const people: Registered[] = [];
  for (let index = 0; index < 8; index++) people.push(await user.register(`edge${index}`));
  for (const person of people) await act(person, "/delete");
  user.clock.advance(GRACE_DAYS * DAY_SECONDS);
  const signIns = people.map((_, index) =>
    user.post("/sign-in", { body: { username: `edge${index}`, password: PASSWORD } }),
  );
  // The hashes of the sign-ins end one after the other: the chore comes when the first is through, and again and again.
  await Promise.race(signIns);
  const all = Promise.all(signIns);
  let isOver = false;
  void all.finally(() => {
    isOver = true;
  });
  while (!isOver) await chore();
  const answers = await all;
  const statuses = new Set(answers.map(({ status }) => status));
  expect(statuses).toContain(200);
  expect([...statuses].filter((status) => status !== 200 && status !== 401)).toEqual([]);
  for (const [index, answer] of answers.entries()) {
    const { accountId = "" } = people[index] ?? {};
    const state = await stateOf(accountId);
    expect(state, `${answer.status}`).toBe(answer.status === 200 ? "active" : undefined);
    const deletions = await eventsOf(user, accountId, "user.account-deleted");
    expect(deletions).toHaveLength(answer.status === 200 ? 0 : 1);
  }
});

test("the next sign-in brings a deactivated account back, and keeps one that was to be deleted", async () => {
  for (const [username, path] of [
    ["back", "/deactivate"],
    ["kept", "/delete"],
  ] as const) {
    const person = await user.register(username);
    await act(person, path);
    const answer = await user.post("/sign-in", { body: { username, password: PASSWORD } });
    expect(answer.status).toBe(200);
    expect(await stateOf(person.accountId)).toBe("active");
    expect(await found(username)).toBe(true);
  }
  user.clock.advance(GRACE_DAYS * DAY_SECONDS);
  await chore();
  expect(await found("kept")).toBe(true);
});
