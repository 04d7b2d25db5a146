import { refreshed } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listAuditEntries } from "../audit/audit-queries.ts";
import { userLimits } from "../limits.ts";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";
import { revokeAccountSessions } from "./revoke-account-sessions.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const DAY_SECONDS = 24 * 60 * 60;
let people = 0;
const newSession = () => user.register(`person${++people}`);

async function refresh(refreshToken: string): Promise<{ refreshToken: string; accessToken: string }> {
  const response = await user.post("/refresh", { body: { refreshToken } });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const { session } = refreshed.parse(JSON.parse(text));
  return { refreshToken: session.refreshToken ?? "", accessToken: session.accessToken ?? "" };
}

async function refusal(refreshToken: string) {
  const response = await user.post("/refresh", { body: { refreshToken } });
  return { status: response.status, code: ((await response.json()) as { code: string }).code };
}

const revocations = async (sessionId: string) =>
  (await user.events()).filter(
    (event) => event.type === "user.session-revoked" && event.data.sessionId === sessionId,
  );

test("a refresh gives new tokens of the same session", async () => {
  const { sessionId, refreshToken, accessToken } = await newSession();
  user.clock.advance(601);
  const expired = await user.get("/me", { token: accessToken });
  expect(await expired.json()).toMatchObject({ code: "token_expired" });
  const next = await refresh(refreshToken);
  expect(next.refreshToken).not.toBe(refreshToken);
  const me = await user.get("/me", { token: next.accessToken });
  expect(me.status).toBe(200);
  const third = await refresh(next.refreshToken);
  expect(await revocations(sessionId)).toEqual([]);
  await refresh(third.refreshToken);
});

test("a client whose answers were lost may repeat the refresh, and goes on with the last answer", async () => {
  const { refreshToken } = await newSession();
  await refresh(refreshToken);
  await refresh(refreshToken);
  const { refreshToken: received } = await refresh(refreshToken);
  await refresh(received);
});

test("refreshes at once all get tokens that are remembered, and any of them goes on", async () => {
  const { sessionId, refreshToken } = await newSession();
  const all = await Promise.all(Array.from({ length: 6 }, () => refresh(refreshToken)));
  const { rows } = await user.owner.query(
    "select cardinality(refresh_successor_hashes) as remembered from account.session where session_id = $1",
    [sessionId],
  );
  expect(rows[0].remembered).toBe(6);
  await refresh(all[people % 6]?.refreshToken ?? "");
  expect(await revocations(sessionId)).toEqual([]);
});

test("a token used after its successor was used ends the session and says so, once", async () => {
  const { accountId, sessionId, refreshToken } = await newSession();
  const second = await refresh(refreshToken);
  const third = await refresh(second.refreshToken);
  const reuse = await Promise.all([refusal(refreshToken), refusal(refreshToken)]);
  for (const answer of reuse) expect(answer).toEqual({ status: 401, code: "session_revoked" });
  expect(await refusal(third.refreshToken)).toEqual({ status: 401, code: "session_revoked" });
  const me = await user.get("/me", { token: third.accessToken });
  expect(await me.json()).toMatchObject({ status: 401, code: "session_revoked" });
  expect(await revocations(sessionId)).toEqual([expect.objectContaining({ data: { accountId, sessionId } })]);
  const entries = await listAuditEntries(user.context.db, accountId, { after: undefined, limit: 100 });
  expect(entries.filter(({ type }) => type === "refresh-token-reused")).toEqual([
    expect.objectContaining({ sessionId }),
  ]);
  const notices = (await user.events()).filter(
    ({ type, key, data }) =>
      type === "user.security-notice" && key === accountId && data.notice === "refresh-token-reused",
  );
  expect(notices).toHaveLength(1);
  expect(notices[0]?.data).toMatchObject({ accountId, email: expect.stringContaining("@example.org") });
});

test("a session that refreshes without end is slowed down", async () => {
  let { refreshToken } = await newSession();
  for (let round = 0; round < userLimits["refresh.session"].burst; round++) {
    refreshToken = (await refresh(refreshToken)).refreshToken;
  }
  const response = await user.post("/refresh", { body: { refreshToken } });
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
});

test("a refresh at the moment at which the account is suspended leaves no session alive", async () => {
  const { accountId, refreshToken } = await newSession();
  const [, second] = await Promise.all([
    user.context.db.transaction().execute(async (tx) => {
      await tx
        .updateTable("account")
        .set({ state: "suspended", suspended_reason: "a test" })
        .where("account_id", "=", accountId)
        .execute();
      await revokeAccountSessions(tx, user.context, { accountId });
    }),
    user.post("/refresh", { body: { refreshToken } }),
  ]);
  // It came first or second; in neither case is what it got worth anything afterwards.
  const tokens = second.status === 200 ? refreshed.parse(await second.json()).session : undefined;
  expect(await refusal(tokens?.refreshToken ?? refreshToken)).toEqual({
    status: 401,
    code: "session_revoked",
  });
  if (tokens) expect((await user.get("/me", { token: tokens.accessToken ?? "" })).status).toBe(401);
});

test("an invented token is refused and ends nothing", async () => {
  const { sessionId, refreshToken } = await newSession();
  const bytes = Buffer.from(refreshToken, "base64url");
  for (const index of [17, 30, 60]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
    expect(await refusal(changed.toString("base64url"))).toEqual({ status: 401, code: "unauthenticated" });
  }
  expect(await refusal("A".repeat(86))).toEqual({ status: 401, code: "unauthenticated" });
  expect(await revocations(sessionId)).toEqual([]);
  await refresh(refreshToken);
});

test("a session ends after 60 days without use, and not before", async () => {
  const { refreshToken } = await newSession();
  user.clock.advance(60 * DAY_SECONDS);
  const second = await refresh(refreshToken);
  user.clock.advance(60 * DAY_SECONDS);
  const third = await refresh(second.refreshToken);
  user.clock.advance(60 * DAY_SECONDS + 1);
  expect(await refusal(third.refreshToken)).toEqual({ status: 401, code: "token_expired" });
});

test("the database holds no token, and a row that does not grow", async () => {
  const { sessionId, refreshToken } = await newSession();
  const tokens = [refreshToken];
  const rowOf = async () => {
    const { rows } = await user.owner.query(
      "select s::text as text, pg_column_size(s.*) as bytes from account.session s where session_id = $1",
      [sessionId],
    );
    return rows[0] as { text: string; bytes: number };
  };
  const sizes = [];
  for (let round = 0; round < 8; round++) {
    tokens.push((await refresh(tokens[round] ?? "")).refreshToken);
    sizes.push((await rowOf()).bytes);
  }
  expect(new Set(sizes).size).toBe(1);
  const { text } = await rowOf();
  for (const token of tokens) {
    expect(text).not.toContain(token);
    expect(text).not.toContain(Buffer.from(token, "base64url").toString("hex").slice(32, 96));
  }
});

test("without a token there is nothing to refresh", async () => {
  const response = await user.post("/refresh", { body: {} });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: "unauthenticated" });
});
