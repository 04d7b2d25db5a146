import type { SecondFactors } from "@sotto/contracts/second-factor-api";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthenticator, type Forgery, PRESENT, VERIFIED } from "../passkeys/authenticator-fixture.ts";
import { auditOf, bodyOf, enablePasskey, noticesOf } from "../second-factors/second-factor-fixture.ts";
import { startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

let people = 0;
async function personWithPasskey() {
  const registered = await user.register(`person${++people}`);
  return { ...registered, ...(await enablePasskey(user, registered.accessToken)) };
}

type Asked = { challenge: string; options: { challenge: string } };
const ask = async (address?: string) =>
  bodyOf<Asked>(await user.post("/sign-in/passkey/options", address ? { address } : {}));
const signIn = (challenge: string, response: unknown, more = {}) =>
  user.post("/sign-in/passkey", { body: { challenge, response, ...more } });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

test("a passkey alone signs in, without a name", async () => {
  const { authenticator, accountId, passkey, accessToken } = await personWithPasskey();
  const { challenge, options } = await ask();
  expect(options).toEqual({
    challenge: expect.any(String),
    rpId: "localhost",
    timeout: 300_000,
    userVerification: "required",
  });
  user.clock.advance(7);
  const answer = await signIn(challenge, authenticator.get(options), { client: "Browser" });
  const session = toRegistered(signedIn.parse(await bodyOf<SignedIn>(answer)));
  expect(session.accountId).toBe(accountId);
  expect((await user.get("/me", { token: session.accessToken })).status).toBe(200);
  expect(await noticesOf(user, accountId)).toEqual(["passkey-added", "new-session"]);
  expect(await auditOf(user, accountId, "signed-in")).toMatchObject([
    { client: "Browser", session_id: session.sessionId, details: { method: "passkey" } },
  ]);
  const { passkeys } = await bodyOf<SecondFactors>(await user.get("/second-factors", { token: accessToken }));
  expect(passkeys).toEqual([{ ...passkey, lastUsedAt: user.clock.now().toISOString() }]);
});

test("asking for a challenge stores nothing, and is the same for everybody", async () => {
  const tables = async () => {
    const { rows } = await user.owner.query(
      "select (select count(*) from account.used_challenge) + (select count(*) from account.audit_entry) as count",
    );
    return rows[0].count;
  };
  const before = await tables();
  const [one, other] = [await ask(), await ask()];
  expect(Object.keys(one.options).sort()).toEqual(Object.keys(other.options).sort());
  expect(one.options.challenge).not.toBe(other.options.challenge);
  expect(await tables()).toBe(before);
});

test.each<[string, Forgery]>([
  ["for another challenge", { challenge: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }],
  ["of another origin", { origin: "https://localhost:8080" }],
  ["of another relying party", { rpId: "evil.example" }],
  ["from a frame of another site", { crossOrigin: true }],
  ["of another ceremony", { type: "webauthn.create" }],
  ["whose user was not verified", { flags: PRESENT }],
  ["whose user was not there", { flags: VERIFIED }],
  ["that tells another user", { userHandle: "AAAAAAAAAAAAAAAAAAAAAA" }],
])("an answer %s signs nobody in", async (_name, forged) => {
  const { authenticator, accountId } = await personWithPasskey();
  const { challenge, options } = await ask();
  expect(await codeOf(await signIn(challenge, authenticator.get(options, forged)))).toBe(
    "invalid_credentials",
  );
  expect(await auditOf(user, accountId, "signed-in")).toEqual([]);
  expect((await signIn(challenge, authenticator.get(options))).status).toBe(200);
});

test("an unknown passkey, and one with another's key, get the same answer as a bad signature", async () => {
  const { authenticator } = await personWithPasskey();
  const { challenge, options } = await ask();
  const [stranger, thief] = [createAuthenticator(), createAuthenticator()];
  const response = authenticator.get(options);
  const signature = `${response.response.signature.slice(0, -4)}AAAA`;
  const answers = [
    stranger.get(options),
    { ...thief.get(options), id: authenticator.id, rawId: authenticator.id },
    { ...response, response: { ...response.response, signature } },
    { ...response, rawId: stranger.id },
  ];
  const problems = [];
  for (const answer of answers) {
    const { requestId: _, ...problem } = await bodyOf<Record<string, unknown>>(
      await signIn(challenge, answer),
      401,
    );
    problems.push(problem);
  }
  for (const problem of problems) expect(problem).toEqual(problems[0]);
});

test("an answer signs in once, also of two requests at once", async () => {
  const { authenticator } = await personWithPasskey();
  const { challenge, options } = await ask();
  const response = authenticator.get(options);
  const both = await Promise.all([signIn(challenge, response), signIn(challenge, response)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 410]);
  const other = await ask();
  expect(await codeOf(await signIn(other.challenge, response))).toBe("invalid_credentials");
  user.clock.advance(300);
  expect(await codeOf(await signIn(other.challenge, authenticator.get(other.options)))).toBe(
    "challenge_invalid",
  );
});

test("a signature counter that does not grow is refused and audited, whichever request comes first", async () => {
  const { authenticator, accountId } = await personWithPasskey();
  const first = await ask();
  expect((await signIn(first.challenge, authenticator.get(first.options, { counter: 7 }))).status).toBe(200);
  for (const counter of [7, 6, 0]) {
    const { challenge, options } = await ask();
    const refused = await signIn(challenge, authenticator.get(options, { counter }));
    expect(await codeOf(refused)).toBe("invalid_credentials");
  }
  expect(await auditOf(user, accountId, "sign-in-failed")).toMatchObject([
    { details: { reason: "signature-counter", count: 3 } },
  ]);
  const challenges = [await ask(), await ask()];
  const both = await Promise.all(
    challenges.map(({ challenge, options }) => signIn(challenge, authenticator.get(options, { counter: 8 }))),
  );
  expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
});

test("a passkey that counts nothing works again and again", async () => {
  const { authenticator } = await personWithPasskey();
  for (let round = 0; round < 3; round++) {
    const { challenge, options } = await ask();
    expect((await signIn(challenge, authenticator.get(options, { counter: 0 }))).status).toBe(200);
  }
});

test("a removed passkey signs nobody in", async () => {
  const { authenticator, passkey, accessToken: token } = await personWithPasskey();
  const { challenge, options } = await ask();
  await user.send("DELETE", `/api/user/passkeys/${passkey.passkeyId}`, { token });
  expect(await codeOf(await signIn(challenge, authenticator.get(options)))).toBe("invalid_credentials");
});

test("a suspended account stays out, and a deactivated one is active again", async () => {
  const { authenticator, accountId } = await personWithPasskey();
  const set = (state: string, reason: string | null) =>
    user.owner.query("update account.account set state = $1, suspended_reason = $2 where account_id = $3", [
      state,
      reason,
      accountId,
    ]);
  const attempt = async () => {
    const { challenge, options } = await ask();
    return signIn(challenge, authenticator.get(options));
  };
  await set("suspended", "spam");
  expect(await codeOf(await attempt())).toBe("account_suspended");
  await set("deactivated", null);
  expect((await attempt()).status).toBe(200);
  const { rows } = await user.owner.query("select state from account.account where account_id = $1", [
    accountId,
  ]);
  expect(rows[0].state).toBe("active");
  expect(await auditOf(user, accountId, "account-reactivated")).toHaveLength(1);
});

test("an address asks for so many challenges and no more", async () => {
  const statuses = [];
  for (let count = 0; count < 35; count++) {
    statuses.push((await user.post("/sign-in/passkey/options", { address: "192.0.2.7" })).status);
  }
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.slice(30).every((status) => status === 429)).toBe(true);
  expect((await user.post("/sign-in/passkey/options", { address: "192.0.2.8" })).status).toBe(200);
});
