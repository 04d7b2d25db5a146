import { reauthenticated } from "@sotto/contracts/session-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthenticator } from "../passkeys/authenticator-fixture.ts";
import {
  auditOf,
  bodyOf,
  enablePasskey,
  enableTotp,
  noticesOf,
  totpCodeOf,
} from "../second-factors/second-factor-fixture.ts";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { changeMeanwhile } from "./account-lock-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const prove = (token: string, body: unknown) => user.post("/reauthenticate", { token, body });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
/** A route that needs a fresh proof. */
const isFresh = async (token: string) => (await user.post("/passkeys/options", { token })).status !== 403;

test("the password makes a stale session fresh for five minutes, and its refresh token stays", async () => {
  const { accessToken, refreshToken, sessionId, accountId } = await user.register("alice");
  user.clock.advance(301);
  expect(await isFresh(accessToken)).toBe(false);
  const answer = await prove(accessToken, { password: PASSWORD });
  const { session, freshUntil } = reauthenticated.parse(await bodyOf(answer));
  expect(session.sessionId).toBe(sessionId);
  expect(session).not.toHaveProperty("refreshToken");
  expect(Date.parse(freshUntil) - user.clock.now().getTime()).toBe(300_000);
  expect(await isFresh(session.accessToken ?? "")).toBe(true);
  expect(await isFresh(accessToken)).toBe(false);
  expect(await auditOf(user, accountId, "reauthenticated")).toMatchObject([
    { session_id: sessionId, details: { method: "password" } },
  ]);
  user.clock.advance(200);
  const refreshed = await bodyOf<{ session: { accessToken: string } }>(
    await user.post("/refresh", { body: { refreshToken } }),
  );
  expect(await isFresh(refreshed.session.accessToken)).toBe(true);
  // A refresh proves nothing: it keeps the time of the proof.
  user.clock.advance(101);
  expect(await isFresh(refreshed.session.accessToken)).toBe(false);
});

test("a wrong password proves nothing, is audited, and cannot be tried without end", async () => {
  const { accessToken, accountId, sessionId } = await user.register("bob");
  user.clock.advance(301);
  const statuses = [];
  for (let attempt = 0; attempt < 7; attempt++) {
    statuses.push((await prove(accessToken, { password: "a wrong password" })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
  expect((await prove(accessToken, { password: PASSWORD })).status).toBe(429);
  expect(await isFresh(accessToken)).toBe(false);
  expect(await auditOf(user, accountId, "reauthentication-failed")).toMatchObject([
    { session_id: sessionId, details: { reason: "password", count: 5 } },
  ]);
});

test("right passwords never use the limit up", async () => {
  const { accessToken } = await user.register("busy");
  for (let round = 0; round < 8; round++) {
    expect((await prove(accessToken, { password: PASSWORD })).status).toBe(200);
  }
});

test("with an app the password needs a code, and no code works twice", async () => {
  const { accessToken: token, accountId } = await user.register("carol");
  const { secret, recoveryCodes } = await enableTotp(user, token);
  const wrong = totpCodeOf(user, secret) === "000000" ? "000001" : "000000";
  // Told before the password is looked at: whether it is right is not what the answer says.
  for (const password of [PASSWORD, "a wrong password"]) {
    expect(await codeOf(await prove(token, { password }))).toBe("challenge_required");
  }
  const totp = totpCodeOf(user, secret);
  expect(await codeOf(await prove(token, { password: PASSWORD, totp: wrong }))).toBe("invalid_credentials");
  expect(await codeOf(await prove(token, { password: "a wrong password", totp }))).toBe(
    "invalid_credentials",
  );
  const both = await Promise.all([
    prove(token, { password: PASSWORD, totp }),
    prove(token, { password: PASSWORD, totp }),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
  const [recoveryCode] = recoveryCodes;
  expect((await prove(token, { password: PASSWORD, recoveryCode })).status).toBe(200);
  expect((await prove(token, { password: PASSWORD, recoveryCode })).status).toBe(401);
  expect(await noticesOf(user, accountId)).toContain("recovery-code-used");
});

test("with passkeys the password alone is not enough, and a passkey is", async () => {
  const { accessToken: token, accountId } = await user.register("dave");
  const { authenticator } = await enablePasskey(user, token);
  expect(await codeOf(await prove(token, { password: PASSWORD }))).toBe("challenge_required");
  expect(await codeOf(await prove(token, { password: PASSWORD, totp: "123456" }))).toBe(
    "invalid_credentials",
  );
  user.clock.advance(301);
  const { challenge, options } = await bodyOf<{ challenge: string; options: { challenge: string } }>(
    await user.post("/reauthenticate/passkey/options", { token }),
  );
  expect(options).toMatchObject({
    userVerification: "required",
    allowCredentials: [{ id: authenticator.id }],
  });
  const stranger = createAuthenticator();
  expect(await codeOf(await prove(token, { challenge, passkey: stranger.get(options) }))).toBe(
    "invalid_credentials",
  );
  const answer = await prove(token, { challenge, passkey: authenticator.get(options) });
  const { session } = reauthenticated.parse(await bodyOf(answer));
  expect(await isFresh(session.accessToken ?? "")).toBe(true);
  expect(await codeOf(await prove(token, { challenge, passkey: authenticator.get(options) }))).toBe(
    "challenge_invalid",
  );
  expect(await auditOf(user, accountId, "reauthenticated")).toMatchObject([
    { details: { method: "passkey" } },
  ]);
});

test("the challenge of another session, account or purpose proves nothing, nor does another's passkey", async () => {
  const [erin, mallory] = [await user.register("erin"), await user.register("mallory")];
  const { authenticator } = await enablePasskey(user, erin.accessToken);
  const { authenticator: other } = await enablePasskey(user, mallory.accessToken);
  type Asked = { challenge: string; options: { challenge: string } };
  const askAs = async (token: string) =>
    bodyOf<Asked>(await user.post("/reauthenticate/passkey/options", { token }));
  const [own, foreign] = [await askAs(erin.accessToken), await askAs(mallory.accessToken)];
  const anonymous = await bodyOf<Asked>(await user.post("/sign-in/passkey/options"));
  const signedIn = await user.post("/sign-in/passkey", {
    body: { challenge: anonymous.challenge, response: authenticator.get(anonymous.options) },
  });
  const second = await bodyOf<{ session: { accessToken: string } }>(signedIn);
  const fromSecond = await askAs(second.session.accessToken);
  for (const { challenge, options } of [
    foreign,
    await bodyOf<Asked>(await user.post("/sign-in/passkey/options")),
    fromSecond,
  ]) {
    const passkey = authenticator.get(options);
    expect(await codeOf(await prove(erin.accessToken, { challenge, passkey }))).toBe("challenge_invalid");
  }
  const passkey = other.get(own.options);
  expect(await codeOf(await prove(erin.accessToken, { challenge: own.challenge, passkey }))).toBe(
    "invalid_credentials",
  );
  const reused = { challenge: own.challenge, response: authenticator.get(own.options) };
  expect(await codeOf(await user.post("/sign-in/passkey", { body: reused }))).toBe("challenge_invalid");
});

test("a password that is changed, and a session that is ended, while it is verified prove nothing", async () => {
  const { accessToken: token, accountId, sessionId } = await user.register("grace");
  const change = (statement: string, value: string) => () => user.owner.query(statement, [value, accountId]);
  const attempt = () => prove(token, { password: PASSWORD });
  const { rows } = await user.owner.query("select password_hash from account.account where account_id = $1", [
    accountId,
  ]);
  const setHash = "update account.account set password_hash = $1 where account_id = $2";
  const changed = await changeMeanwhile(user, "grace", attempt, change(setHash, "another hash"));
  expect(await codeOf(changed)).toBe("invalid_credentials");
  await user.owner.query(setHash, [rows[0].password_hash, accountId]);
  const end = "update account.session set revoked_at = now() where session_id = $1 and account_id = $2";
  const ended = await changeMeanwhile(user, "grace", attempt, change(end, sessionId));
  expect(await codeOf(ended)).toBe("session_revoked");
  expect(await auditOf(user, accountId, "reauthenticated")).toEqual([]);
});

test("an ended session stays ended", async () => {
  const { accessToken: token } = await user.register("frank");
  await user.post("/sign-out", { token });
  expect(await codeOf(await prove(token, { password: PASSWORD }))).toBe("session_revoked");
});

test("in a browser the new access token travels in its cookie, the refresh cookie stays, and other sites cannot ask", async () => {
  const body = { username: "browser", email: "b@example.org", password: PASSWORD, tokens: "cookie" };
  const Origin = "http://localhost:8080";
  const registered = await user.post("/register", { body, headers: { Origin } });
  const Cookie = registered.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  const foreign = await user.post("/reauthenticate", {
    body: { password: PASSWORD },
    headers: { Cookie, Origin: "https://evil.example" },
  });
  expect(await codeOf(foreign)).toBe("forbidden");
  const answer = await user.post("/reauthenticate", {
    body: { password: PASSWORD },
    headers: { Cookie, Origin },
  });
  expect(answer.status).toBe(200);
  const set = answer.headers.getSetCookie();
  expect(set).toHaveLength(1);
  expect(set[0]).toMatch(/^sotto_access=.*HttpOnly/);
  expect(await answer.json()).toEqual({
    session: { sessionId: expect.any(String), accessTokenExpiresAt: expect.any(String) },
    freshUntil: expect.any(String),
  });
});
