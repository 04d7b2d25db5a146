import { randomUUID } from "node:crypto";
import { FRESH_SECONDS } from "@sotto/contracts/access-token";
import { sessionList } from "@sotto/contracts/session-api";
import { signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listAuditEntries } from "../audit/audit-queries.ts";
import { PASSWORD, type Registered, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";
import { endOtherSessions } from "./end-other-sessions.ts";
import { endSession } from "./end-session.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

async function signIn(username: string, client?: string): Promise<Registered> {
  const response = await user.post("/sign-in", { body: { username, password: PASSWORD, client } });
  return toRegistered(signedIn.parse(await response.json()));
}

async function list(token: string) {
  const response = await user.get("/sessions", { token });
  expect(response.status).toBe(200);
  return sessionList.parse(await response.json()).sessions;
}

const end = (token: string, sessionId: string) =>
  user.send("DELETE", `/api/user/sessions/${sessionId}`, { token });

const audited = async (accountId: string, type: string) =>
  (await listAuditEntries(user.context.db, accountId, { after: undefined, limit: 100 })).filter(
    (entry) => entry.type === type,
  );

const revocations = async (accountId: string) =>
  (await user.events())
    .filter(({ type, key }) => type === "user.session-revoked" && key === accountId)
    .map(({ data }) => data.sessionId);

test("the list shows each session with its client and its last renewal, the caller's marked, nobody else's", async () => {
  const first = await user.register("alice");
  await user.register("alicia");
  user.clock.advance(60);
  const second = await signIn("alice", "Firefox on Linux");
  user.clock.advance(60);
  const refreshed = await user.post("/refresh", { body: { refreshToken: first.refreshToken } });
  const token = ((await refreshed.json()) as { session: { accessToken: string } }).session.accessToken;
  const now = user.clock.now().getTime();
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  expect(await list(token)).toEqual([
    {
      ...{ sessionId: first.sessionId, client: null, current: true },
      ...{ createdAt: ago(120), lastSeenAt: ago(0) },
    },
    {
      ...{ sessionId: second.sessionId, client: "Firefox on Linux", current: false },
      ...{ createdAt: ago(60), lastSeenAt: ago(60) },
    },
  ]);
});

test("a session ended from the list is dead at once, gone from the list, told and audited once", async () => {
  const { accountId, accessToken, sessionId } = await user.register("bob");
  const other = await signIn("bob");
  for (let attempt = 0; attempt < 2; attempt++) {
    expect((await end(accessToken, other.sessionId)).status).toBe(204);
  }
  expect((await user.get("/me", { token: other.accessToken })).status).toBe(401);
  const refresh = await user.post("/refresh", { body: { refreshToken: other.refreshToken } });
  expect(await refresh.json()).toMatchObject({ code: "session_revoked" });
  expect((await list(accessToken)).map((session) => session.sessionId)).toEqual([sessionId]);
  expect(await revocations(accountId)).toEqual([other.sessionId]);
  expect(await audited(accountId, "session-revoked")).toEqual([
    expect.objectContaining({ sessionId, details: { sessionId: other.sessionId } }),
  ]);
});

test("another's session and none at all are refused alike, and go on", async () => {
  const carol = await user.register("carol");
  const dora = await user.register("dora");
  const answers = [];
  for (const sessionId of [dora.sessionId, randomUUID()]) {
    const response = await end(carol.accessToken, sessionId);
    const { requestId, ...body } = (await response.json()) as Record<string, unknown>;
    expect(requestId).toBeDefined();
    answers.push({ status: response.status, body });
  }
  expect(answers[0]).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(answers[1]).toEqual(answers[0]);
  for (const odd of ["x", "%00", "..", "' or 1=1", carol.sessionId.toUpperCase()]) {
    expect([400, 404], odd).toContain((await end(carol.accessToken, encodeURIComponent(odd))).status);
  }
  expect((await user.get("/me", { token: dora.accessToken })).status).toBe(200);
  expect(await revocations(dora.accountId)).toEqual([]);
});

test("a caller may end its own session from the list, and a browser forgets its cookies with it", async () => {
  const { accessToken, sessionId } = await user.register("erin");
  const response = await end(accessToken, sessionId);
  expect(response.status).toBe(204);
  expect(response.headers.getSetCookie()).toHaveLength(2);
  expect((await user.get("/me", { token: accessToken })).status).toBe(401);
});

test("ending all others leaves the caller's, asks for a fresh proof, and says how many", async () => {
  const { accountId, accessToken, sessionId } = await user.register("frank");
  const others = [await signIn("frank"), await signIn("frank")];
  const stale = await signIn("frank");
  user.clock.advance(FRESH_SECONDS + 1);
  const refused = await user.post("/sessions/revoke-others", { token: stale.accessToken });
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ code: "reauthentication_required" });
  expect(await revocations(accountId)).toEqual([]);
  const fresh = await signIn("frank");
  const response = await user.post("/sessions/revoke-others", { token: fresh.accessToken });
  expect(await response.json()).toEqual({ revoked: 4 });
  expect((await list(fresh.accessToken)).map((session) => session.sessionId)).toEqual([fresh.sessionId]);
  expect((await revocations(accountId)).sort()).toEqual(
    [sessionId, stale.sessionId, ...others.map((other) => other.sessionId)].sort(),
  );
  expect(await audited(accountId, "other-sessions-revoked")).toEqual([
    expect.objectContaining({ sessionId: fresh.sessionId, details: { revoked: 4 } }),
  ]);
  expect((await user.get("/me", { token: accessToken })).status).toBe(401);
});

test("of sessions that end all others at the same moment exactly one remains", async () => {
  const { accountId, sessionId } = await user.register("grace");
  const all = [sessionId, (await signIn("grace")).sessionId, (await signIn("grace")).sessionId];
  const outcomes = await Promise.allSettled(
    all.map((caller) =>
      endOtherSessions(user.context, { accountId, sessionId: caller, origin: { address: undefined } }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "session_revoked" });
  }
  const { rows } = await user.owner.query(
    "select session_id from account.session where account_id = $1 and revoked_at is null",
    [accountId],
  );
  expect(rows).toHaveLength(1);
});

test("of several that end one session at once only one is told and audited", async () => {
  const { accountId, sessionId } = await user.register("henry");
  await Promise.all(
    Array.from({ length: 4 }, () =>
      endSession(user.context, { accountId, sessionId, origin: { address: "192.0.2.7" } }),
    ),
  );
  expect(await revocations(accountId)).toEqual([sessionId]);
  expect(await audited(accountId, "session-revoked")).toHaveLength(1);
});

test("no session of an account that may not act is of any use, even one that was not ended", async () => {
  const { accountId, accessToken, refreshToken } = await user.register("irene");
  for (const state of [
    "state = 'suspended', suspended_reason = 'x'",
    "state = 'deactivated', suspended_reason = null",
    "state = 'deleting', deletes_at = now()",
  ]) {
    await user.owner.query(`update account.account set ${state} where account_id = $1`, [accountId]);
    const me = await user.get("/me", { token: accessToken });
    expect(await me.json(), state).toMatchObject({ status: 401, code: "session_revoked" });
    const refresh = await user.post("/refresh", { body: { refreshToken } });
    expect(await refresh.json(), state).toMatchObject({ status: 401, code: "session_revoked" });
  }
});
