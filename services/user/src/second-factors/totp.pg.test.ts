import type { SecondFactors } from "@sotto/contracts/second-factor-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";
import {
  auditOf,
  bodyOf,
  enablePasskey,
  enableTotp,
  noticesOf,
  totpCodeOf,
} from "./second-factor-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const start = (token: string) => user.post("/second-factors/totp", { token });
const confirm = (token: string, code: string) =>
  user.post("/second-factors/totp/confirm", { token, body: { code } });
const factors = async (token: string) => bodyOf<SecondFactors>(await user.get("/second-factors", { token }));
const remove = (token: string) => user.send("DELETE", "/api/user/second-factors/totp", { token });
const renew = (token: string) => user.post("/second-factors/recovery-codes", { token });
/** A wrong code that is wrong in every step of the window. */
const wrongCode = (secret: string) =>
  ["000000", "111111", "222222", "333333"].find((code) =>
    [-1, 0, 1].every((step) => totpCodeOf(user, secret, step) !== code),
  ) as string;

test("an app is switched on by a code, with ten recovery codes; its owner hears of it", async () => {
  const { accessToken: token, accountId } = await user.register("alice");
  expect(await factors(token)).toEqual({ totp: null, recoveryCodesLeft: 0, passkeys: [] });
  const started = await bodyOf<{ secret: string; uri: string; expiresAt: string }>(await start(token), 201);
  expect(started.secret).toMatch(/^[A-Z2-7]{32}$/);
  expect(started.uri).toContain(started.secret);
  expect(Date.parse(started.expiresAt) - user.clock.now().getTime()).toBe(600_000);
  expect((await factors(token)).totp).toBeNull();

  const confirmed = await confirm(token, totpCodeOf(user, started.secret));
  const { recoveryCodes } = await bodyOf<{ recoveryCodes: string[] }>(confirmed);
  expect(new Set(recoveryCodes).size).toBe(10);
  const confirmedAt = user.clock.now().toISOString();
  expect(await factors(token)).toEqual({ totp: { confirmedAt }, recoveryCodesLeft: 10, passkeys: [] });
  expect(await noticesOf(user, accountId)).toEqual(["second-factor-enabled"]);
  expect(await auditOf(user, accountId, "totp-enabled")).toHaveLength(1);
  expect((await start(token)).status).toBe(409);
  expect(await (await confirm(token, "123456")).json()).toMatchObject({ code: "already_exists" });
});

test("neither secrets nor recovery codes are in the database", async () => {
  const { accessToken, accountId } = await user.register("secretive");
  const { secret, recoveryCodes } = await enableTotp(user, accessToken);
  const { rows } = await user.owner.query(
    `select t::text || c::text as text from account.totp t join account.recovery_code c using (account_id)
     where account_id = $1`,
    [accountId],
  );
  const stored = rows.map(({ text }) => text).join();
  expect(rows).toHaveLength(10);
  for (const code of recoveryCodes) {
    expect(stored).not.toContain(code);
    expect(stored).not.toContain(Buffer.from(code.replace("-", "")).toString("hex"));
  }
  expect(stored).not.toContain(secret);
});

test("a wrong code, and one of a former secret, switches nothing on", async () => {
  const { accessToken: token } = await user.register("bob");
  expect((await confirm(token, "123456")).status).toBe(404);
  const first = await bodyOf<{ secret: string }>(await start(token), 201);
  const second = await bodyOf<{ secret: string }>(await start(token), 201);
  expect(second.secret).not.toBe(first.secret);
  for (const code of [wrongCode(second.secret), totpCodeOf(user, first.secret)]) {
    expect(await (await confirm(token, code)).json()).toMatchObject({ code: "invalid_code" });
  }
  expect((await factors(token)).totp).toBeNull();
  expect((await confirm(token, totpCodeOf(user, second.secret))).status).toBe(200);
});

test("a secret waits for its first code for ten minutes", async () => {
  const { accessToken: token } = await user.register("slow");
  const { secret } = await bodyOf<{ secret: string }>(await start(token), 201);
  user.clock.advance(599);
  expect((await confirm(token, "000000")).status).toBe(422);
  user.clock.advance(0.999);
  const again = await user.register("in_time");
  const { secret: other } = await bodyOf<{ secret: string }>(await start(again.accessToken), 201);
  // Access tokens of the first person are as old as its secret; the second asks for it instead.
  await user.owner.query("update account.totp set created_at = $1 where account_id = $2", [
    new Date(user.clock.now().getTime() - 600_000),
    again.accountId,
  ]);
  expect((await confirm(again.accessToken, totpCodeOf(user, other))).status).toBe(404);
  expect((await confirm(token, totpCodeOf(user, secret))).status).toBe(200);
});

test("a confirmation that runs twice at once gives recovery codes once", async () => {
  const { accessToken: token } = await user.register("twice");
  const { secret } = await bodyOf<{ secret: string }>(await start(token), 201);
  const code = totpCodeOf(user, secret);
  const both = await Promise.all([confirm(token, code), confirm(token, code)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect((await factors(token)).recoveryCodesLeft).toBe(10);
});

test("codes of an app cannot be tried without end", async () => {
  const { accessToken: token } = await user.register("guessed");
  const { secret } = await bodyOf<{ secret: string }>(await start(token), 201);
  for (let attempt = 0; attempt < 5; attempt++) {
    expect((await confirm(token, wrongCode(secret))).status).toBe(422);
  }
  const refused = await confirm(token, totpCodeOf(user, secret));
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
});

test("switching off takes the recovery codes along, and a repeat does nothing", async () => {
  const { accessToken: token, accountId } = await user.register("carol");
  await enableTotp(user, token);
  for (let round = 0; round < 2; round++) {
    expect((await remove(token)).status).toBe(204);
    expect(await factors(token)).toMatchObject({ totp: null, recoveryCodesLeft: 0 });
  }
  expect(await noticesOf(user, accountId)).toEqual(["second-factor-enabled", "second-factor-disabled"]);
  expect(await auditOf(user, accountId, "totp-disabled")).toHaveLength(1);
});

test("recovery codes stay as long as there is a second factor that they stand in for", async () => {
  const { accessToken: token } = await user.register("both");
  await enableTotp(user, token);
  const { passkey } = await enablePasskey(user, token);
  expect((await remove(token)).status).toBe(204);
  expect(await factors(token)).toMatchObject({ totp: null, recoveryCodesLeft: 10 });
  const path = `/api/user/passkeys/${passkey.passkeyId}`;
  expect((await user.send("DELETE", path, { token })).status).toBe(204);
  expect((await factors(token)).recoveryCodesLeft).toBe(0);
});

test("new recovery codes replace all former ones, and need a second factor", async () => {
  const { accessToken: token, accountId } = await user.register("dave");
  expect((await renew(token)).status).toBe(404);
  const { recoveryCodes: former } = await enableTotp(user, token);
  const { recoveryCodes } = await bodyOf<{ recoveryCodes: string[] }>(await renew(token));
  expect(recoveryCodes.filter((code) => former.includes(code))).toEqual([]);
  expect((await factors(token)).recoveryCodesLeft).toBe(10);
  expect(await noticesOf(user, accountId)).toContain("recovery-codes-renewed");
  expect(await auditOf(user, accountId, "recovery-codes-renewed")).toHaveLength(1);
});

test("what changes second factors needs a fresh proof, and looking at them does not", async () => {
  const { accessToken: token } = await user.register("stale");
  user.clock.advance(301);
  for (const [method, path] of [
    ["POST", "/second-factors/totp"],
    ["DELETE", "/second-factors/totp"],
    ["POST", "/second-factors/recovery-codes"],
    ["POST", "/passkeys/options"],
    ["POST", "/passkeys"],
    ["DELETE", "/passkeys/01900000-0000-7000-8000-000000000000"],
  ] as const) {
    const refused = await user.send(method, `/api/user${path}`, { token });
    expect(await refused.json(), path).toMatchObject({ status: 403, code: "reauthentication_required" });
  }
  expect((await user.get("/second-factors", { token })).status).toBe(200);
});
