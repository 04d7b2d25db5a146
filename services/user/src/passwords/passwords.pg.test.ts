import { passwordWeakness } from "@sotto/contracts/account-api";
import { problem } from "@sotto/contracts/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  auditTypes,
  eventsOf,
  lastMailToken,
  noticesOf,
  openMailLink,
  verifyAddress,
} from "../emails/mail-link-fixture.ts";
import { PASSWORD, type Registered, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";
import { PUBLIC_URL } from "../user-env-fixture.ts";

const REQUESTED = "user.password-reset-requested";
const NEW_PASSWORD = "seventeen herons over the weir";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp({ env: { RATE_LIMITS: '{"*":"off"}' } });
});
afterAll(() => user.close());

async function signIn(username: string, password: string): Promise<Response> {
  return user.post("/sign-in", { body: { username, password, client: "Sotto for Android" } });
}
const another = async (username: string) => toRegistered(await (await signIn(username, PASSWORD)).json());
const change = (person: Registered, currentPassword: string, newPassword: string) =>
  user.post("/password/change", { token: person.accessToken, body: { currentPassword, newPassword } });
const forgot = (email: string) => user.post("/password/forgot", { body: { email } });
const reset = (token: string, newPassword = NEW_PASSWORD) =>
  user.post("/password/reset", { body: { token, newPassword } });
const meStatus = async (person: Registered) => (await user.get("/me", { token: person.accessToken })).status;
const codeOf = async (response: Response) => problem.parse(await response.json()).code;

/** A person who has proved its address, and a link that resets its password. */
async function forgetful(username: string): Promise<Registered & { token: string }> {
  const person = await user.register(username);
  await verifyAddress(user, person.accountId);
  expect((await forgot(`${username}@example.org`)).status).toBe(202);
  await expect.poll(() => eventsOf(user, person.accountId, REQUESTED)).toHaveLength(1);
  return { ...person, token: await lastMailToken(user, person.accountId, REQUESTED) };
}

test("a weak password is refused when registering, changing and resetting, and it is told how to do better", async () => {
  const { token, ...person } = await forgetful("weakling");
  const weak = "weakling2024";
  for (const response of [
    await user.post("/register", {
      body: { username: "weak", email: "weakling@example.org", password: weak },
    }),
    await change(person, PASSWORD, weak),
    await reset(token, weak),
  ]) {
    expect(response.status).toBe(422);
    const { code, details } = problem.parse(await response.json());
    expect(code).toBe("weak_password");
    const weakness = passwordWeakness.parse(details);
    expect(weakness.score).toBeLessThan(3);
    expect(weakness.requiredScore).toBe(3);
    expect(weakness.suggestions).not.toEqual([]);
  }
  // The link is still good.
  expect((await reset(token)).status).toBe(204);
});

test("an operator can ask for more or for less", async () => {
  const lenient = await startUserApp({ env: { PASSWORD_MIN_SCORE: "0" } });
  try {
    const body = { username: "anyone", email: "anyone@example.org", password: "password1234" };
    expect((await lenient.post("/register", { body })).status).toBe(201);
    const short = await lenient.post("/register", { body: { ...body, password: "kR7#vTq2pLw" } });
    expect(short.status).toBe(400);
  } finally {
    await lenient.close();
  }
});

test("a changed password ends every other session, and the owner hears of it", async () => {
  const person = await user.register("changer");
  const other = await another("changer");
  expect((await change(other, PASSWORD, NEW_PASSWORD)).status).toBe(204);
  expect(await meStatus(person)).toBe(401);
  expect(await meStatus(other)).toBe(200);
  const refreshed = await user.post("/refresh", { body: { refreshToken: person.refreshToken } });
  expect(await codeOf(refreshed)).toBe("session_revoked");
  expect((await signIn("changer", PASSWORD)).status).toBe(401);
  expect((await signIn("changer", NEW_PASSWORD)).status).toBe(200);
  expect(await auditTypes(user, person.accountId)).toContain("password-changed");
  expect(await noticesOf(user, person.accountId)).toContain("password-changed to changer@example.org");
  const [notice] = (await eventsOf(user, person.accountId, "user.security-notice")).filter(
    ({ data }) => data.notice === "password-changed",
  );
  expect(notice?.data.client).toBe("Sotto for Android");
  const revoked = await eventsOf(user, person.accountId, "user.session-revoked");
  expect(revoked.map(({ data }) => data.sessionId)).toEqual([person.sessionId]);
});

test("a wrong current password changes nothing and is written down; guessing is limited by account", async () => {
  const limited = await startUserApp();
  try {
    const person = await limited.register("guessed");
    const guess = async (index: number) =>
      (
        await limited.post("/password/change", {
          token: person.accessToken,
          body: { currentPassword: `a guess ${index}`, newPassword: NEW_PASSWORD },
        })
      ).status;
    // At once: none may slip past the limit while another is being judged.
    const statuses = await Promise.all(Array.from({ length: 8 }, (_, index) => guess(index)));
    expect(statuses.sort()).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    await limited.context.failures.idle();
    const { rows } = await limited.owner.query(
      "select details from account.audit_entry where account_id = $1 and type = 'reauthentication-failed'",
      [person.accountId],
    );
    expect(rows).toEqual([{ details: { reason: "password", count: 5 } }]);
    expect((await limited.get("/me", { token: person.accessToken })).status).toBe(200);
  } finally {
    await limited.close();
  }
});

test("of several changes from one password at once one counts", async () => {
  const person = await user.register("racer");
  const passwords = ["one ostrich on a bicycle", "two otters in a teapot", "three owls at the opera"];
  const answers = await Promise.all(passwords.map((password) => change(person, PASSWORD, password)));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401]);
  const signedIn = await Promise.all(passwords.map((password) => signIn("racer", password)));
  expect(signedIn.map(({ status }) => status)).toEqual(
    answers.map(({ status }) => (status === 204 ? 200 : 401)),
  );
});

test("a new password calls off what was begun under the old one", async () => {
  const { token, ...person } = await forgetful("careful");
  await user.post("/email/change", { token: person.accessToken, body: { email: "mallory@example.org" } });
  const mallorys = await lastMailToken(user, person.accountId, "user.email-verification-requested");
  await user.owner.query(
    "insert into account.totp (account_id, sealed_secret, created_at) values ($1, '', now())",
    [person.accountId],
  );
  expect((await change(person, PASSWORD, NEW_PASSWORD)).status).toBe(204);
  expect((await user.post("/email/verify", { body: { token: mallorys } })).status).toBe(410);
  expect((await reset(token)).status).toBe(410);
  const { rowCount } = await user.owner.query("select from account.totp where account_id = $1", [
    person.accountId,
  ]);
  expect(rowCount).toBe(0);
});

test("a forgotten password: the link lets choose a new one, once, and ends every session", async () => {
  const person = await forgetful("forgetful");
  const [event] = await eventsOf(user, person.accountId, REQUESTED);
  const { link, recipient, expiresAt } = await openMailLink(user, event);
  expect(link).toBe(`${PUBLIC_URL}/reset-password#token=${person.token}`);
  expect(recipient).toBe("forgetful@example.org");
  expect(Date.parse(expiresAt) - user.clock.now().getTime()).toBe(30 * 60_000);
  await user.owner.query(
    "insert into account.totp (account_id, sealed_secret, created_at, confirmed_at) values ($1, '', now(), now())",
    [person.accountId],
  );
  expect((await reset(person.token)).status).toBe(204);
  expect(await meStatus(person)).toBe(401);
  expect((await signIn("forgetful", PASSWORD)).status).toBe(401);
  expect(await codeOf(await reset(person.token))).toBe("challenge_invalid");
  expect(await noticesOf(user, person.accountId)).toContain("password-reset to forgetful@example.org");
  expect(await auditTypes(user, person.accountId)).toEqual(
    expect.arrayContaining(["password-reset-requested", "password-reset"]),
  );
  // Second factors stay.
  const { rowCount } = await user.owner.query("select from account.totp where account_id = $1", [
    person.accountId,
  ]);
  expect(rowCount).toBe(1);
});

test("of several resets with one link at once one wins", async () => {
  const person = await forgetful("doubled");
  const passwords = ["one ostrich on a bicycle", "two otters in a teapot", "three owls at the opera"];
  const answers = await Promise.all(passwords.map((password) => reset(person.token, password)));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 410, 410]);
  const signedIn = await Promise.all(passwords.map((password) => signIn("doubled", password)));
  expect(signedIn.map(({ status }) => status)).toEqual(
    answers.map(({ status }) => (status === 204 ? 200 : 401)),
  );
});

test("a reset link lives half an hour, and is none that verifies an address", async () => {
  const person = await forgetful("slow");
  expect((await user.post("/email/verify", { body: { token: person.token } })).status).toBe(410);
  user.clock.advance(30 * 60);
  expect(await codeOf(await reset(person.token))).toBe("challenge_invalid");
});

test("who asks for a forgotten password learns nothing: neither of accounts nor of verified addresses", async () => {
  await user.register("unverified");
  const answers: [number, string][] = [];
  for (const email of ["nobody@example.org", "unverified@example.org", "forgetful@example.org"]) {
    const response = await forgot(email);
    answers.push([response.status, await response.text()]);
  }
  expect(new Set(answers.map((answer) => answer.join()))).toEqual(new Set(["202,"]));
  await user.context.afterwards.finish();
  const events = (await user.events()).filter(({ type }) => type === REQUESTED);
  expect(events.map(({ data }) => data.email)).not.toContain("unverified@example.org");
});

test("the answer does not wait for what is looked up", async () => {
  const blocked = await user.context.pool.connect();
  try {
    await blocked.query("begin; lock table account.mail_token, account.account in access exclusive mode");
    expect((await forgot("forgetful@example.org")).status).toBe(202);
  } finally {
    await blocked.query("rollback");
    blocked.release();
  }
  await user.context.afterwards.finish();
});

test("each account of an address gets a link of its own, up to five, and suspended ones none", async () => {
  const email = "shared@example.org";
  const names = ["share1", "share2", "share3", "share4", "share5", "share6", "share7"];
  // Strangers who give the address as theirs take nobody's place.
  for (let index = 0; index < 6; index++) {
    await user.post("/register", { body: { username: `stranger${index}`, email, password: PASSWORD } });
  }
  for (const username of names) {
    const response = await user.post("/register", { body: { username, email, password: PASSWORD } });
    const person = toRegistered(await response.json());
    await verifyAddress(user, person.accountId);
  }
  await user.owner.query(
    "update account.account set state = 'suspended', suspended_reason = 'x' where username = 'share1'",
  );
  await forgot("Shared@Example.org");
  await user.context.afterwards.finish();
  const asked = (await user.events()).filter(({ type, data }) => type === REQUESTED && data.email === email);
  expect(asked.map(({ data }) => data.username)).toEqual(names.slice(1, 6));
  const tokens = await Promise.all(asked.map(async (event) => (await openMailLink(user, event)).token));
  expect(new Set(tokens).size).toBe(5);
});
