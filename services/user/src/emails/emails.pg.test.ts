import { problem } from "@sotto/contracts/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Registered, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { PUBLIC_URL } from "../user-env-fixture.ts";
import { auditTypes, eventsOf, lastMailToken, noticesOf, openMailLink } from "./mail-link-fixture.ts";

const REQUESTED = "user.email-verification-requested";
const DAY_SECONDS = 24 * 60 * 60;

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp({ env: { RATE_LIMITS: '{"*":"off"}' } });
});
afterAll(() => user.close());

const me = async (person: Registered) => (await user.get("/me", { token: person.accessToken })).json();
const verify = (token: string) => user.post("/email/verify", { body: { token } });
const change = (person: Registered, email: string) =>
  user.post("/email/change", { token: person.accessToken, body: { email } });
const renew = (person: Registered) => user.post("/email/verification", { token: person.accessToken });

async function expectInvalid(response: Response): Promise<void> {
  expect(response.status).toBe(410);
  expect(problem.parse(await response.json()).code).toBe("challenge_invalid");
}

test("a new account gets a link to the page that verifies its address, with the token in the fragment", async () => {
  const alice = await user.register("alice");
  const [event] = await eventsOf(user, alice.accountId, REQUESTED);
  expect(event?.data).toMatchObject({ username: "alice", email: "alice@example.org", purpose: "register" });
  const { link, token, recipient, expiresAt } = await openMailLink(user, event);
  expect(link).toBe(`${PUBLIC_URL}/verify-email#token=${token}`);
  expect(Buffer.from(token, "base64url")).toHaveLength(32);
  expect(recipient).toBe("alice@example.org");
  expect(Date.parse(expiresAt) - user.clock.now().getTime()).toBe(DAY_SECONDS * 1000);
  expect(await me(alice)).toMatchObject({ emailVerified: false });
  expect((await verify(token)).status).toBe(204);
  expect(await me(alice)).toMatchObject({ emailVerified: true });
  expect(await auditTypes(user, alice.accountId)).toEqual(["account-registered", "email-verified"]);
});

test("no token that was ever mailed is in any column of any table", async () => {
  const person = await user.register("grep");
  const tokens: string[] = [];
  const note = async () => tokens.push(await lastMailToken(user, person.accountId, REQUESTED));
  await note();
  await renew(person);
  await note();
  await change(person, "grep2@example.org");
  await note();
  const { rows: tables } = await user.owner.query(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const token of tokens) {
    const spellings = [
      token,
      Buffer.from(token, "base64url").toString("hex"),
      Buffer.from(token).toString("hex"),
    ];
    for (const { name } of tables) {
      const { rowCount } = await user.owner.query(
        `select from ${name} t where exists (select from unnest($1::text[]) s where t::text like '%' || s || '%')`,
        [spellings],
      );
      expect(rowCount, name).toBe(0);
    }
  }
});

test("a link works once, of several at the same moment too", async () => {
  const person = await user.register("once");
  const token = await lastMailToken(user, person.accountId, REQUESTED);
  const answers = await Promise.all(Array.from({ length: 8 }, () => verify(token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(410)]);
  expect((await auditTypes(user, person.accountId)).filter((type) => type === "email-verified")).toHaveLength(
    1,
  );
  await expectInvalid(await verify(token));
});

test("a newer link replaces the older, and a verified address gets none", async () => {
  const person = await user.register("newer");
  const first = await lastMailToken(user, person.accountId, REQUESTED);
  expect((await renew(person)).status).toBe(202);
  const second = await lastMailToken(user, person.accountId, REQUESTED);
  await expectInvalid(await verify(first));
  expect((await verify(second)).status).toBe(204);
  expect((await renew(person)).status).toBe(202);
  expect(await eventsOf(user, person.accountId, REQUESTED)).toHaveLength(2);
});

test("a link works up to its last moment, and not from then on", async () => {
  const early = await user.register("early");
  const late = await user.register("late");
  const tokens = [
    await lastMailToken(user, early.accountId, REQUESTED),
    await lastMailToken(user, late.accountId, REQUESTED),
  ] as const;
  user.clock.advance(DAY_SECONDS - 1);
  expect((await verify(tokens[0])).status).toBe(204);
  user.clock.advance(1);
  await expectInvalid(await verify(tokens[1]));
});

test("a token that nobody was given is invalid, and one that cannot be one is refused unseen", async () => {
  await expectInvalid(await verify("A".repeat(43)));
  for (const token of ["", "A".repeat(42), "A".repeat(44), `${"A".repeat(42)}=`, `${"A".repeat(42)}\u0000`]) {
    expect((await verify(token)).status, token).toBe(400);
  }
});

test("a change of address takes effect when the new one is proved; both are told, and the old one beforehand", async () => {
  const person = await user.register("mover");
  expect((await change(person, "New@Example.org")).status).toBe(202);
  expect(await me(person)).toMatchObject({ email: "mover@example.org" });
  const event = (await eventsOf(user, person.accountId, REQUESTED)).at(-1);
  expect(event?.data).toMatchObject({ email: "New@Example.org", purpose: "change" });
  const { token, recipient } = await openMailLink(user, event);
  expect(recipient).toBe("New@Example.org");
  expect(await noticesOf(user, person.accountId)).toEqual(["email-change-requested to mover@example.org"]);
  expect((await verify(token)).status).toBe(204);
  expect(await me(person)).toMatchObject({ email: "New@Example.org", emailVerified: true });
  expect((await noticesOf(user, person.accountId)).slice(1)).toEqual([
    "email-changed to mover@example.org",
    "email-changed to New@Example.org",
  ]);
  expect(await auditTypes(user, person.accountId)).toEqual([
    "account-registered",
    "email-change-requested",
    "email-changed",
  ]);
});

test("links that lie in the mailbox of a former address open nothing any more", async () => {
  const person = await user.register("left");
  const former = await lastMailToken(user, person.accountId, REQUESTED);
  await verify(former);
  await user.post("/password/forgot", { body: { email: "left@example.org" } });
  await user.context.afterwards.finish();
  const reset = await lastMailToken(user, person.accountId, "user.password-reset-requested");
  await change(person, "left2@example.org");
  expect((await verify(await lastMailToken(user, person.accountId, REQUESTED))).status).toBe(204);
  await expectInvalid(await verify(former));
  const newPassword = "seventeen herons over the weir";
  await expectInvalid(await user.post("/password/reset", { body: { token: reset, newPassword } }));
  expect(await me(person)).toMatchObject({ email: "left2@example.org" });
});

test("asking for an address tells nothing of whether another account has it", async () => {
  const person = await user.register("asker");
  const free = await change(person, "nobody-has-this@example.org");
  const taken = await change(person, "alice@example.org");
  expect([free.status, await free.text()]).toEqual([taken.status, await taken.text()]);
});

test("a change needs a session that has proved itself lately", async () => {
  const person = await user.register("stale");
  user.clock.advance(301);
  const response = await change(person, "stale2@example.org");
  expect(response.status).toBe(403);
  expect(problem.parse(await response.json()).code).toBe("reauthentication_required");
  expect(await eventsOf(user, person.accountId, REQUESTED)).toHaveLength(1);
});

test("mails to one address are limited whoever asks and however the address is spelled; tries of tokens are, by where from", async () => {
  const limited = await startUserApp();
  try {
    const [one, two] = [await limited.register("one"), await limited.register("two")];
    const ask = async ({ accessToken: token }: Registered, email: string) =>
      (await limited.post("/email/change", { token, body: { email } })).status;
    expect(await ask(one, "victim@example.org")).toBe(202);
    expect(await ask(two, "Victim@example.org")).toBe(202);
    expect(await ask(one, "VICTIM@EXAMPLE.ORG")).toBe(202);
    expect(await ask(two, "victim@example.org")).toBe(429);
    expect(await ask(two, "another@example.org")).toBe(202);
    const { rows } = await limited.owner.query(
      "select key from account.rate_limit where key like '%victim%'",
    );
    expect(rows).toEqual([]);
    const guess = (address: string) =>
      limited.post("/email/verify", { address, body: { token: "A".repeat(43) } });
    const tries: number[] = [];
    for (let count = 0; count < 21; count++) tries.push((await guess("192.0.2.1")).status);
    expect((await guess("192.0.2.2")).status).toBe(410);
    expect(tries).toEqual([...Array(20).fill(410), 429]);
  } finally {
    await limited.close();
  }
});
