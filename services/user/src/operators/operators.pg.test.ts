import { operatedAccount, operatedAccountPage } from "@sotto/contracts/operator-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSigningKeys } from "../keys/signing-key-fixture.ts";
import { PASSWORD } from "../user-app-fixture.ts";
import { changeRole } from "./change-role.ts";
import { grantRole } from "./grant-role.ts";
import { type OperatorWorld, startOperatorWorld } from "./operator-world-fixture.ts";
import { suspendAccount } from "./suspend-account.ts";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld();
});
afterAll(() => world.close());

const accountOf = async (response: Response) => {
  expect(response.status).toBe(200);
  return operatedAccount.parse(await response.json());
};

test("suspending ends every session at once, tells the owner, and stands in the audit log with who and why", async () => {
  const { moderator } = world.people;
  const target = await world.newPerson();
  await world.user.post("/sign-in", { body: { username: target.username, password: PASSWORD } });
  const account = await accountOf(
    await world.act(moderator, target.accountId, "suspend", { reason: "Spam" }),
  );
  expect(account).toMatchObject({ state: "suspended", suspendedReason: "Spam", sessions: 0 });
  for (const answer of [
    await world.user.get("/me", { token: target.accessToken }),
    await world.user.post("/refresh", { body: { refreshToken: target.refreshToken } }),
  ]) {
    expect(await answer.json()).toMatchObject({ status: 401, code: "session_revoked" });
  }
  const events = (await world.user.events()).filter(({ key }) => key === target.accountId);
  expect(events.filter(({ type }) => type === "user.session-revoked")).toHaveLength(2);
  expect(await world.notices(target.accountId)).toEqual(["new-session", "account-suspended"]);
  expect(await world.audit(target.accountId, "operator-suspended")).toEqual([
    expect.objectContaining({
      actor: moderator.accountId,
      session: moderator.sessionId,
      details: { reason: "Spam", from: "active", revoked: 2 },
    }),
  ]);
  // Again with another reason: told once, written twice.
  await accountOf(await world.act(moderator, target.accountId, "suspend", { reason: "Spam, and worse" }));
  expect(await world.notices(target.accountId)).toHaveLength(2);
  expect(await world.audit(target.accountId, "operator-suspended")).toHaveLength(2);
});

test("restoring makes the account active again, tells the owner once, and brings no session back", async () => {
  const { moderator } = world.people;
  const target = await world.newPerson();
  await world.act(moderator, target.accountId, "suspend");
  for (let time = 0; time < 2; time++) {
    const account = await accountOf(await world.act(moderator, target.accountId, "restore"));
    expect(account).toMatchObject({ state: "active", suspendedReason: null, sessions: 0 });
  }
  expect(await world.notices(target.accountId)).toEqual(["account-suspended", "account-restored"]);
  expect(await world.audit(target.accountId, "operator-restored")).toHaveLength(1);
  expect((await world.user.get("/me", { token: target.accessToken })).status).toBe(401);
});

test("an account that waits for its deletion can be suspended, and is then not deleted", async () => {
  const target = await world.newPerson();
  await world.user.owner.query(
    "update account.account set state = 'deleting', deletes_at = now() where account_id = $1",
    [target.accountId],
  );
  const account = await accountOf(await world.act(world.people.moderator, target.accountId, "suspend"));
  expect(account).toMatchObject({ state: "suspended", deletesAt: null });
  const [entry] = await world.audit(target.accountId, "operator-suspended");
  expect(entry?.details).toMatchObject({ from: "deleting" });
});

test("ending sessions leaves the account active, and says how many", async () => {
  const target = await world.newPerson();
  const response = await world.act(world.people.moderator, target.accountId, "revoke-sessions");
  expect(await response.json()).toEqual({ revoked: 1 });
  expect((await world.user.get("/me", { token: target.accessToken })).status).toBe(401);
  const again = await world.user.post("/sign-in", {
    body: { username: target.username, password: PASSWORD },
  });
  expect(again.status).toBe(200);
  expect(await world.audit(target.accountId, "operator-sessions-revoked")).toEqual([
    expect.objectContaining({ details: { reason: "because of a test", revoked: 1 } }),
  ]);
});

test("resetting the second factor takes away all of its kinds, of that account alone, and tells the owner", async () => {
  const target = await world.newPerson();
  const other = await world.newPerson();
  for (const { accountId } of [target, other]) {
    await world.user.owner.query("insert into account.totp values ($1, 'x', now(), now())", [accountId]);
    await world.user.owner.query("insert into account.recovery_code values ($1, 'a'), ($1, 'b')", [
      accountId,
    ]);
    await world.user.owner.query(
      "insert into account.passkey values (gen_random_uuid(), $1, $2, 'k', 0, '{}', 'key', false, now())",
      [accountId, Buffer.from(accountId)],
    );
  }
  const account = await accountOf(
    await world.act(world.people.administrator, target.accountId, "reset-second-factor"),
  );
  expect(account).toMatchObject({ hasTotp: false, passkeys: 0 });
  expect(await world.notices(target.accountId)).toEqual(["second-factor-reset"]);
  expect(await world.audit(target.accountId, "operator-second-factor-reset")).toEqual([
    expect.objectContaining({
      details: { reason: "because of a test", totp: 1, recoveryCodes: 2, passkeys: 1 },
    }),
  ]);
  const untouched = await accountOf(await world.get(world.people.auditor, `/accounts/${other.accountId}`));
  expect(untouched).toMatchObject({ hasTotp: true, passkeys: 1 });
});

test("a role that is given is written down with what was before, and a repeat is not", async () => {
  const target = await world.newPerson();
  for (const role of ["moderator", "moderator", null] as const) {
    const account = await accountOf(
      await world.act(world.people.administrator, target.accountId, "role", { role }),
    );
    expect(account.role).toBe(role);
  }
  expect(
    (await world.audit(target.accountId, "operator-role-changed")).map(({ details }) => details),
  ).toEqual([
    { reason: "because of a test", from: null, to: "moderator" },
    { reason: "because of a test", from: "moderator", to: null },
  ]);
});

test("of administrators who take the role from each other at once one always remains", async () => {
  for (let round = 0; round < 5; round++) {
    await world.user.owner.query("update account.account set operator_role = null");
    const three = [
      await world.newPerson("administrator"),
      await world.newPerson("administrator"),
      await world.newPerson("administrator"),
    ].map(({ accountId }) => accountId);
    const pairs = three.flatMap((by) =>
      three.filter((other) => other !== by).map((other) => [by, other] as const),
    );
    const outcomes = await Promise.allSettled(
      pairs.map(([operatorId, targetId], index) => {
        const act = { operatorId, targetId, reason: "a coup", origin: { address: undefined } };
        return index % 2 === 0
          ? changeRole(world.user.context, { ...act, role: null })
          : suspendAccount(world.user.context, act);
      }),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "forbidden" });
    }
    const { rows } = await world.user.owner.query(
      "select 1 from account.account where operator_role = 'administrator' and state = 'active'",
    );
    expect(rows.length).toBeGreaterThanOrEqual(1);
  }
  const { administrator, moderator, auditor } = world.people;
  await world.setRole(administrator.accountId, "administrator");
  await world.setRole(moderator.accountId, "moderator");
  await world.setRole(auditor.accountId, "auditor");
});

test("whoever has the database makes the first administrator, and cannot unmake the last one", async () => {
  const { user } = world;
  const first = await world.newPerson();
  await user.owner.query("update account.account set operator_role = null");
  const grant = (username: string, role: "administrator" | "auditor") =>
    grantRole(user.context, { username, role });
  expect(await grant(first.username, "administrator")).toBeNull();
  expect(await world.audit(first.accountId, "operator-role-changed")).toEqual([
    expect.objectContaining({
      actor: null,
      details: { by: "database", from: null, to: "administrator" },
    }),
  ]);
  await expect(grant(first.username, "auditor")).rejects.toMatchObject({ code: "forbidden" });
  await expect(grant("nobody_here", "auditor")).rejects.toMatchObject({ code: "not_found" });
  for (let round = 0; round < 10; round++) {
    await user.owner.query("update account.account set operator_role = null");
    const two = [await world.newPerson("administrator"), await world.newPerson("administrator")];
    const outcomes = await Promise.allSettled(two.map(({ username }) => grant(username, "auditor")));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  }
  const { administrator, moderator, auditor } = world.people;
  await world.setRole(administrator.accountId, "administrator");
  await world.setRole(moderator.accountId, "moderator");
  await world.setRole(auditor.accountId, "auditor");
});

test("what an operator looks at is written down once an hour for each account, lists included, and by whom", async () => {
  const { auditor, moderator } = world.people;
  const target = await world.newPerson();
  const views = async (type: string) => (await world.audit(target.accountId, type)).map(({ actor }) => actor);
  const look = () => world.get(auditor, `/accounts/${target.accountId}`);
  await Promise.all(Array.from({ length: 30 }, look));
  await world.get(auditor, `/accounts?prefix=${target.username}`);
  expect(await views("operator-viewed")).toEqual([auditor.accountId]);
  await world.get(moderator, `/accounts?prefix=${target.username}`);
  expect(await views("operator-viewed")).toEqual([auditor.accountId, moderator.accountId]);
  await world.get(auditor, `/accounts/${target.accountId}/audit`);
  await world.get(auditor, `/accounts/${target.accountId}/audit`);
  expect(await views("operator-audit-viewed")).toEqual([auditor.accountId]);
  const later = await world.newPerson("auditor");
  await world.get(later, `/accounts/${target.accountId}`);
  world.user.clock.advance(3601);
  const refreshed = await world.user.post("/refresh", { body: { refreshToken: later.refreshToken } });
  const { session } = (await refreshed.json()) as { session: { accessToken: string } };
  await world.get(session, `/accounts/${target.accountId}`);
  expect((await views("operator-viewed")).filter((actor) => actor === later.accountId)).toHaveLength(2);
});

test("of two views at the same moment the second sees the first", async () => {
  const auditor = await world.newPerson("auditor");
  const target = await world.newPerson();
  const { owner } = world.user;
  await owner.query("begin");
  await owner.query("select pg_advisory_xact_lock(5081, hashtext($1))", [auditor.accountId]);
  await owner.query(
    `insert into account.audit_entry (audit_id, account_id, type, at, actor_account_id, details)
     values ($1, $2, 'operator-viewed', $3, $4, '{}')`,
    [world.user.context.ids.uuidv7(), target.accountId, world.user.clock.now(), auditor.accountId],
  );
  const looking = world.get(auditor, `/accounts/${target.accountId}`);
  const waiting = `select count(*)::int from pg_locks join pg_database on oid = database
    where datname = current_database() and locktype = 'advisory' and not granted`;
  await expect.poll(async () => (await owner.query(waiting)).rows[0].count).toBe(1);
  await owner.query("commit");
  expect((await looking).status).toBe(200);
  expect(await world.audit(target.accountId, "operator-viewed")).toHaveLength(1);
});

test("lists go on where they ended, by name, by prefix and by state", async () => {
  const operator = await world.newPerson("moderator");
  for (const name of ["zoe_a", "zoe_b", "zoe_c", "zoe_d", "zoetrope"]) {
    const { accountId } = await world.user.register(name);
    if (name === "zoe_b" || name === "zoe_d") await world.act(operator, accountId, "suspend");
  }
  async function list(query: string, limit: number): Promise<string[]> {
    const names: string[] = [];
    let after = "";
    for (;;) {
      const response = await world.get(operator, `/accounts?${query}&limit=${limit}${after}`);
      const page = operatedAccountPage.parse(await response.json());
      names.push(...page.accounts.map(({ username }) => username));
      if (page.next === null) return names;
      after = `&after=${page.next}`;
    }
  }
  for (const limit of [1, 2, 100]) {
    expect(await list("prefix=zoe_", limit)).toEqual(["zoe_a", "zoe_b", "zoe_c", "zoe_d"]);
    expect(await list("prefix=zoe&state=suspended", limit)).toEqual(["zoe_b", "zoe_d"]);
  }
  const everybody = await list("", 3);
  expect(everybody).toEqual([...new Set(everybody)].sort());
  expect(everybody).toContain("zoetrope");
});

test("an administrator rotates the keys: softly tokens go on, with revoke they end, and sessions stay", async () => {
  const operator = await world.newPerson("administrator");
  const [before] = await readSigningKeys(world.user);
  const soft = await world.rotate(operator);
  const { kid } = (await soft.json()) as { kid: string };
  expect(kid).not.toBe(before?.kid);
  expect((await world.user.get("/me", { token: operator.accessToken })).status).toBe(200);
  expect((await world.rotate(operator, { revoke: true })).status).toBe(200);
  const me = await world.user.get("/me", { token: operator.accessToken });
  expect(await me.json()).toMatchObject({ status: 401, code: "unauthenticated" });
  const refreshed = await world.user.post("/refresh", { body: { refreshToken: operator.refreshToken } });
  expect(refreshed.status).toBe(200);
  expect(await readSigningKeys(world.user)).toHaveLength(1);
  expect(
    (await world.audit(operator.accountId, "operator-keys-rotated")).map(({ details }) => details),
  ).toEqual([
    { reason: "because of a test", revoke: false, kid },
    { reason: "because of a test", revoke: true, kid: expect.any(String) },
  ]);
});
