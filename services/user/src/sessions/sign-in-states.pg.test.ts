import { hash } from "@node-rs/argon2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFailureLog } from "../audit/failure-log.ts";
import { auditOf, bodyOf, noticesOf } from "../second-factors/second-factor-fixture.ts";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { changeMeanwhile } from "./account-lock-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const signIn = (username: string, password = PASSWORD, more = {}, address?: string) =>
  user.post("/sign-in", { body: { username, password, ...more }, ...(address && { address }) });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
const setState = (accountId: string, state: string, deletesAt: Date | null = null) =>
  user.owner.query(
    `update account.account set state = $1, deletes_at = $2,
       suspended_reason = case when $1 = 'suspended' then 'spam' end where account_id = $3`,
    [state, deletesAt, accountId],
  );
const stateOf = async (accountId: string) => {
  const { rows } = await user.owner.query(
    "select state, state_since, deletes_at from account.account where account_id = $1",
    [accountId],
  );
  return rows[0];
};

test("a sign-in is audited with where it came from, and its owner hears of it", async () => {
  const { accountId } = await user.register("alice");
  const answer = await signIn("alice", PASSWORD, { client: "Laptop" }, "192.0.2.1");
  const { session } = await bodyOf<{ session: { sessionId: string } }>(answer);
  expect(await auditOf(user, accountId, "signed-in")).toEqual([
    {
      type: "signed-in",
      address: "192.0.2.1",
      client: "Laptop",
      session_id: session.sessionId,
      details: { method: "password" },
    },
  ]);
  const [notice] = (await user.events()).filter(({ type }) => type === "user.security-notice");
  expect(notice?.data).toEqual({
    accountId,
    username: "alice",
    email: "alice@example.org",
    language: null,
    notice: "new-session",
    client: "Laptop",
  });
});

test("failures are audited once for a minute, with their number, and those of unknown names nowhere", async () => {
  const { accountId } = await user.register("target");
  await Promise.all([
    signIn("target", "a wrong password", { client: "Guesser" }, "192.0.2.2"),
    signIn("target", "a wrong password"),
    signIn("nobody_here", "a wrong password"),
  ]);
  await signIn("target", "a wrong password");
  const failed = () => auditOf(user, accountId, "sign-in-failed");
  expect(await failed()).toMatchObject([{ details: { reason: "password", count: 3 } }]);
  user.clock.advance(60);
  await signIn("target", "a wrong password", {}, "192.0.2.3");
  expect(await failed()).toMatchObject([
    { details: { count: 3 } },
    { address: "192.0.2.3", details: { reason: "password", count: 1 } },
  ]);
  const { rows } = await user.owner.query(
    "select count(*)::int from account.audit_entry where type = 'sign-in-failed'",
  );
  expect(rows[0].count).toBe(2);
});

test("two services that see failures at the same moment write one entry", async () => {
  const { accountId } = await user.register("shared");
  const other = createFailureLog(user.context);
  const failure = { accountId, type: "sign-in-failed", origin: { address: "192.0.2.4" } } as const;
  for (let round = 0; round < 20; round++) {
    other.note(failure);
    user.context.failures.note(failure);
    await Promise.all([other.idle(), user.context.failures.idle()]);
  }
  expect(await auditOf(user, accountId, "sign-in-failed")).toMatchObject([{ details: { count: 40 } }]);
});

test("a suspended account is told so after the right password only", async () => {
  const { accountId } = await user.register("suspended");
  await setState(accountId, "suspended");
  expect(await codeOf(await signIn("suspended", "a wrong password"))).toBe("invalid_credentials");
  const refused = await signIn("suspended");
  expect(refused.status).toBe(403);
  expect(await codeOf(refused)).toBe("account_suspended");
  expect((await stateOf(accountId)).state).toBe("suspended");
  expect(await noticesOf(user, accountId)).toEqual([]);
  expect((await auditOf(user, accountId, "sign-in-failed"))[0]?.details).toMatchObject({ count: 2 });
});

test("signing in ends a deactivation", async () => {
  const { accountId } = await user.register("sleeper");
  await setState(accountId, "deactivated");
  expect((await signIn("sleeper", "a wrong password")).status).toBe(401);
  expect((await stateOf(accountId)).state).toBe("deactivated");
  user.clock.advance(5);
  expect((await signIn("sleeper")).status).toBe(200);
  expect(await stateOf(accountId)).toEqual({
    state: "active",
    state_since: user.clock.now(),
    deletes_at: null,
  });
  expect((await auditOf(user, accountId)).map(({ type }) => type).slice(-2)).toEqual([
    "account-reactivated",
    "signed-in",
  ]);
});

test("signing in calls a deletion off, and its owner hears of it", async () => {
  const { accountId } = await user.register("leaver");
  await setState(accountId, "deleting", new Date(user.clock.now().getTime() + 1000));
  expect((await signIn("leaver")).status).toBe(200);
  expect(await stateOf(accountId)).toMatchObject({ state: "active", deletes_at: null });
  expect(await noticesOf(user, accountId)).toEqual(["account-deletion-cancelled", "new-session"]);
  expect(await auditOf(user, accountId, "account-deletion-cancelled")).toHaveLength(1);
  expect(await auditOf(user, accountId, "account-reactivated")).toEqual([]);
});

test("a suspension that happens while the password is verified starts no session", async () => {
  const { accountId } = await user.register("raced");
  const answer = await changeMeanwhile(
    user,
    "raced",
    () => signIn("raced"),
    () => setState(accountId, "suspended"),
  );
  expect(await codeOf(answer)).toBe("account_suspended");
  expect(await auditOf(user, accountId, "signed-in")).toEqual([]);
});

test("a password that is changed while it is verified starts no session", async () => {
  const { accountId } = await user.register("changed");
  const other = await user.context.passwords.hash("another long password");
  const answer = await changeMeanwhile(
    user,
    "changed",
    () => signIn("changed"),
    () =>
      user.owner.query("update account.account set password_hash = $1 where account_id = $2", [
        other,
        accountId,
      ]),
  );
  expect(await codeOf(answer)).toBe("invalid_credentials");
  expect(await auditOf(user, accountId, "signed-in")).toEqual([]);
});

test("a mail address that is changed while the password is verified is where the notice goes", async () => {
  const { accountId } = await user.register("mover");
  const answer = await changeMeanwhile(
    user,
    "mover",
    () => signIn("mover"),
    () =>
      user.owner.query("update account.account set email = 'new@example.org' where account_id = $1", [
        accountId,
      ]),
  );
  expect(answer.status).toBe(200);
  const notices = (await user.events()).filter(
    ({ key, type }) => key === accountId && type.endsWith("notice"),
  );
  expect(notices.map(({ data }) => data.email)).toEqual(["new@example.org"]);
  expect(await auditOf(user, accountId, "signed-in")).toHaveLength(1);
});

test("two first sign-ins since the parameters of the hash changed both succeed", async () => {
  const { accountId } = await user.register("renewed");
  const weak = await hash(PASSWORD, { memoryCost: 4096, timeCost: 1, parallelism: 1 });
  await user.owner.query("update account.account set password_hash = $1 where account_id = $2", [
    weak,
    accountId,
  ]);
  const both = await Promise.all([signIn("renewed"), signIn("renewed")]);
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
});
