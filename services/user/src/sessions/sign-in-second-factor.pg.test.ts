import type { SecondFactorRequired } from "@sotto/contracts/session-api";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthenticator, PRESENT } from "../passkeys/authenticator-fixture.ts";
import {
  auditOf,
  bodyOf,
  enablePasskey,
  enableTotp,
  noticesOf,
  totpCodeOf,
} from "../second-factors/second-factor-fixture.ts";
import { PASSWORD, type Registered, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

let people = 0;
async function personWithTotp(): Promise<
  Registered & { username: string; secret: string; recoveryCodes: string[] }
> {
  const username = `person${++people}`;
  const registered = await user.register(username);
  return { ...registered, username, ...(await enableTotp(user, registered.accessToken)) };
}

const password = (username: string, given = PASSWORD) =>
  user.post("/sign-in", { body: { username, password: given } });
const challengeFor = async (username: string) => bodyOf<SecondFactorRequired>(await password(username), 202);
const finish = (challenge: string, proof: unknown, more = {}) =>
  user.post("/sign-in/second-factor", { body: { challenge, proof, ...more } });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
const sessionsOf = async (accountId: string) => {
  const { rows } = await user.owner.query("select 1 from account.session where account_id = $1", [accountId]);
  return rows.length;
};

test("a right password alone starts no session where there is a second factor, and a code finishes it", async () => {
  const { username, accountId, secret } = await personWithTotp();
  const answer = await challengeFor(username);
  expect(answer).toEqual({
    challenge: expect.any(String),
    methods: ["totp", "recovery_code"],
    expiresAt: new Date(user.clock.now().getTime() + 300_000).toISOString(),
  });
  expect(await sessionsOf(accountId)).toBe(1);
  const finished = await finish(answer.challenge, { totp: totpCodeOf(user, secret) }, { client: "Phone" });
  const { accessToken, sessionId } = toRegistered(signedIn.parse(await bodyOf<SignedIn>(finished)));
  expect((await user.get("/me", { token: accessToken })).status).toBe(200);
  expect(await auditOf(user, accountId, "signed-in")).toEqual([
    {
      type: "signed-in",
      address: expect.any(String),
      client: "Phone",
      session_id: sessionId,
      details: { method: "password+totp" },
    },
  ]);
  expect(await noticesOf(user, accountId)).toEqual(["second-factor-enabled", "new-session"]);
});

test("a wrong password gets the same answer with a second factor as without", async () => {
  const { username } = await personWithTotp();
  await user.register("plain");
  const answers = await Promise.all(
    [username, "plain", "nobody_here"].map(async (name) => {
      const { requestId: _, ...problem } = await bodyOf<Record<string, unknown>>(
        await password(name, "a wrong password"),
        401,
      );
      return problem;
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toEqual(answers[2]);
});

test("no code works twice: not later, not at once, and not after the confirmation", async () => {
  const { username, secret } = await personWithTotp();
  const used = totpCodeOf(user, secret, -1);
  expect(await codeOf(await finish((await challengeFor(username)).challenge, { totp: used }))).toBe(
    "invalid_code",
  );
  const code = totpCodeOf(user, secret);
  const challenges = [
    await challengeFor(username),
    await challengeFor(username),
    await challengeFor(username),
  ];
  const answers = await Promise.all(challenges.map(({ challenge }) => finish(challenge, { totp: code })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 422, 422]);
  // The code of the step before is older than the one that was used.
  user.clock.advance(30);
  for (const steps of [-1, -2]) {
    const old = await finish((await challengeFor(username)).challenge, {
      totp: totpCodeOf(user, secret, steps),
    });
    expect(await codeOf(old)).toBe("invalid_code");
  }
});

test("a challenge starts one session, also of two requests at once", async () => {
  const { username, accountId, secret, recoveryCodes } = await personWithTotp();
  const { challenge } = await challengeFor(username);
  const answers = await Promise.all([
    finish(challenge, { totp: totpCodeOf(user, secret) }),
    finish(challenge, { recoveryCode: recoveryCodes[0] }),
  ]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 410]);
  expect(await sessionsOf(accountId)).toBe(2);
  // What the refused one used up is as good as before.
  const kept =
    answers[0]?.status === 200 ? { recoveryCode: recoveryCodes[0] } : { totp: totpCodeOf(user, secret) };
  expect(await codeOf(await finish(challenge, kept))).toBe("challenge_invalid");
  expect((await finish((await challengeFor(username)).challenge, kept)).status).toBe(200);
});

test("a wrong code leaves the challenge good", async () => {
  const { username, accountId, secret } = await personWithTotp();
  const { challenge } = await challengeFor(username);
  const wrong = totpCodeOf(user, secret) === "000000" ? "000001" : "000000";
  expect(await codeOf(await finish(challenge, { totp: wrong }))).toBe("invalid_code");
  expect((await finish(challenge, { totp: totpCodeOf(user, secret) })).status).toBe(200);
  const [failed] = await auditOf(user, accountId, "second-factor-failed");
  expect(failed?.details).toEqual({ count: 1, reason: "totp" });
});

test("a recovery code works once, also of two at once, and its owner hears of it", async () => {
  const { username, accountId, accessToken, recoveryCodes } = await personWithTotp();
  const shown = recoveryCodes[0] ?? "";
  const challenges = [await challengeFor(username), await challengeFor(username)];
  const answers = await Promise.all(
    challenges.map(({ challenge }) =>
      finish(challenge, { recoveryCode: shown.toLowerCase().replace("-", " ") }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  expect(await noticesOf(user, accountId)).toEqual([
    "second-factor-enabled",
    "recovery-code-used",
    "new-session",
  ]);
  expect(await auditOf(user, accountId, "recovery-code-used")).toHaveLength(1);
  expect(await bodyOf(await user.get("/second-factors", { token: accessToken }))).toMatchObject({
    recoveryCodesLeft: 9,
  });
});

test("recovery codes of another account, and former ones, are none", async () => {
  const [alice, mallory] = [await personWithTotp(), await personWithTotp()];
  const { challenge } = await challengeFor(alice.username);
  expect(await codeOf(await finish(challenge, { recoveryCode: mallory.recoveryCodes[0] }))).toBe(
    "invalid_code",
  );
  await user.post("/second-factors/recovery-codes", { token: alice.accessToken });
  expect(await codeOf(await finish(challenge, { recoveryCode: alice.recoveryCodes[0] }))).toBe(
    "invalid_code",
  );
});

test("wrong second factors cannot be tried without end, however many challenges there are", async () => {
  const { username, secret, recoveryCodes } = await personWithTotp();
  const wrong = totpCodeOf(user, secret) === "000000" ? "000001" : "000000";
  const challenges = await Promise.all(Array.from({ length: 3 }, () => challengeFor(username)));
  const tries = Array.from({ length: 12 }, (_, index) =>
    finish(
      challenges[index % 3]?.challenge ?? "",
      index % 2 ? { totp: wrong } : { recoveryCode: "00000-00000" },
    ),
  );
  const statuses = (await Promise.all(tries)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 422)).toHaveLength(5);
  expect(statuses.filter((status) => status === 429)).toHaveLength(7);
  const right = await finish(challenges[0]?.challenge ?? "", { recoveryCode: recoveryCodes[0] });
  expect(right.status).toBe(429);
});

test("right second factors never use the limit up", async () => {
  const { username, recoveryCodes } = await personWithTotp();
  for (const recoveryCode of recoveryCodes.slice(0, 8)) {
    expect((await finish((await challengeFor(username)).challenge, { recoveryCode })).status).toBe(200);
  }
});

test("a challenge ends with its time, with the password, and with the account", async () => {
  const { username, accountId, secret } = await personWithTotp();
  const { challenge: old } = await challengeFor(username);
  user.clock.advance(300);
  expect(await codeOf(await finish(old, { totp: totpCodeOf(user, secret) }))).toBe("challenge_invalid");
  const { challenge } = await challengeFor(username);
  const { rows } = await user.owner.query("select password_hash from account.account where account_id = $1", [
    accountId,
  ]);
  const set = (hash: string) =>
    user.owner.query("update account.account set password_hash = $1 where account_id = $2", [
      hash,
      accountId,
    ]);
  await set("another hash");
  expect(await codeOf(await finish(challenge, { totp: totpCodeOf(user, secret) }))).toBe("challenge_invalid");
  await set(rows[0].password_hash);
  await user.owner.query("delete from account.account where account_id = $1", [accountId]);
  expect(await codeOf(await finish(challenge, { totp: totpCodeOf(user, secret) }))).toBe("challenge_invalid");
});

test("an account that was suspended between the two factors stays out", async () => {
  const { username, accountId, secret } = await personWithTotp();
  const { challenge } = await challengeFor(username);
  await user.owner.query(
    "update account.account set state = 'suspended', suspended_reason = 'spam' where account_id = $1",
    [accountId],
  );
  expect(await codeOf(await finish(challenge, { totp: totpCodeOf(user, secret) }))).toBe("account_suspended");
  expect(await codeOf(await password(username))).toBe("account_suspended");
});

test("a passkey finishes a sign-in by password, and only with what it was asked for", async () => {
  const registered = await user.register("keyed");
  const { authenticator } = await enablePasskey(user, registered.accessToken);
  const answer = await challengeFor("keyed");
  expect(answer.methods).toEqual(["passkey"]);
  const options = answer.passkey as { challenge: string };
  expect(options).toMatchObject({
    rpId: "localhost",
    userVerification: "required",
    allowCredentials: [{ id: authenticator.id, type: "public-key", transports: ["internal"] }],
  });
  const other = await challengeFor("keyed");
  for (const passkey of [
    authenticator.get(other.passkey as { challenge: string }),
    authenticator.get(options, { flags: PRESENT }),
    authenticator.get(options, { origin: "https://evil.example" }),
    createAuthenticator().get(options),
  ]) {
    expect(await codeOf(await finish(answer.challenge, { passkey }))).toBe("invalid_credentials");
  }
  const passkey = authenticator.get(options);
  expect((await finish(answer.challenge, { passkey })).status).toBe(200);
  expect(await codeOf(await finish(answer.challenge, { passkey: authenticator.get(options) }))).toBe(
    "challenge_invalid",
  );
});

test("a passkey of somebody else is no second factor", async () => {
  const { username } = await personWithTotp();
  const mallory = await user.register("mallory");
  const { authenticator } = await enablePasskey(user, mallory.accessToken);
  const { challenge } = await challengeFor(username);
  // Its own account's challenge holds the text to sign; the sealed one of the victim another.
  const own = (await challengeFor("mallory")).passkey as { challenge: string };
  const passkey = authenticator.get(own);
  expect(await codeOf(await finish(challenge, { passkey }))).toBe("invalid_credentials");
});

test("cookies of the second step are set for our own pages only", async () => {
  const { username, secret } = await personWithTotp();
  const { challenge } = await challengeFor(username);
  const body = { challenge, proof: { totp: totpCodeOf(user, secret) }, tokens: "cookie" };
  const foreign = await user.post("/sign-in/second-factor", {
    body,
    headers: { Origin: "https://evil.example" },
  });
  expect(await codeOf(foreign)).toBe("forbidden");
  const own = await user.post("/sign-in/second-factor", {
    body,
    headers: { Origin: "http://localhost:8080" },
  });
  expect(own.status).toBe(200);
  expect(own.headers.getSetCookie()).toHaveLength(2);
});
