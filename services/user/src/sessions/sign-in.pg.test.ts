import { hash, verify } from "@node-rs/argon2";
import { signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
let work: string[] = [];
beforeAll(async () => {
  user = await startUserApp({
    sources: {
      argon2: {
        hash: (...args) => {
          work.push("hash");
          return hash(...args);
        },
        verify: (...args) => {
          work.push("verify");
          return verify(...args);
        },
      },
    },
  });
  await user.register("alice");
});
afterAll(() => user.close());
beforeEach(() => {
  work = [];
});

const signIn = (username: string, password: string) =>
  user.post("/sign-in", { body: { username, password } });

test("the right password starts a session of its own each time", async () => {
  const sessions = [];
  for (const name of ["alice", "ALICE"]) {
    const response = await signIn(name, PASSWORD);
    expect(response.status).toBe(200);
    sessions.push(signedIn.parse(await response.json()).session);
  }
  expect(sessions[0]?.sessionId).not.toBe(sessions[1]?.sessionId);
  for (const session of sessions) {
    expect((await user.get("/me", { token: session.accessToken ?? "" })).status).toBe(200);
  }
});

test("an unknown name and a wrong password cost the same work and get the same answer", async () => {
  const answers = [];
  for (const [name, password] of [
    ["alice", "wrong password"],
    ["nobody_here", "wrong password"],
    ["nobody_here", PASSWORD],
    ["not a name\u0000", PASSWORD],
    ["__proto__", PASSWORD],
  ] as const) {
    work = [];
    const response = await signIn(name, password);
    const { requestId, ...problem } = (await response.json()) as Record<string, unknown>;
    expect(requestId).toBeDefined();
    answers.push({ status: response.status, problem, work });
  }
  expect(answers[0]).toMatchObject({
    status: 401,
    problem: { code: "invalid_credentials" },
    work: ["verify"],
  });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test("input that is refused costs no hash", async () => {
  for (const body of [{}, { username: "alice" }, { username: "alice", password: "x".repeat(257) }]) {
    expect((await user.post("/sign-in", { body })).status).toBe(400);
  }
  expect(work).toEqual([]);
});

test("a hash by outdated parameters is renewed on sign-in, and only then", async () => {
  const { accountId } = await user.register("bob");
  const weak = await hash(PASSWORD, { memoryCost: 4096, timeCost: 1, parallelism: 1 });
  await user.owner.query("update account.account set password_hash = $1 where account_id = $2", [
    weak,
    accountId,
  ]);
  const stored = async () => {
    const { rows } = await user.owner.query(
      "select password_hash from account.account where account_id = $1",
      [accountId],
    );
    return rows[0].password_hash as string;
  };
  expect((await signIn("bob", "wrong password")).status).toBe(401);
  expect(await stored()).toBe(weak);
  expect((await signIn("bob", PASSWORD)).status).toBe(200);
  expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  work = [];
  expect((await signIn("bob", PASSWORD)).status).toBe(200);
  expect(work).toEqual(["verify"]);
});

test("a sign-in deletes the account's sessions that have ended for good, and no others", async () => {
  const ended = await user.register("carol");
  const other = await user.register("carola");
  await user.post("/sign-out", { token: ended.accessToken });
  await user.post("/sign-out", { token: other.accessToken });
  const sessionOf = async () => {
    const body = { username: "carol", password: PASSWORD };
    const answer = (await (await user.post("/sign-in", { body })).json()) as {
      session: { sessionId: string };
    };
    return answer.session.sessionId;
  };
  const stored = async () => {
    const { rows } = await user.owner.query(
      "select session_id from account.session join account.account using (account_id) where username = 'carol' order by session_id",
    );
    return rows.map((row) => row.session_id as string);
  };
  user.clock.advance(599);
  const second = await sessionOf();
  expect(await stored()).toEqual([ended.sessionId, second]);
  // Its access token has expired: nothing refers to the revoked session any more.
  user.clock.advance(601);
  const third = await sessionOf();
  expect(await stored()).toEqual([second, third]);
  user.clock.advance(60 * 24 * 60 * 60 - 300);
  const fourth = await sessionOf();
  expect(await stored()).toEqual([third, fourth]);
  const { rows } = await user.owner.query("select 1 from account.session where session_id = $1", [
    other.sessionId,
  ]);
  expect(rows).toHaveLength(1);
});

test("a usual sign-in costs two statements, one before the password is verified and one after", async () => {
  const { pool } = user.context;
  const query = pool.query.bind(pool) as (...values: unknown[]) => unknown;
  const connect = pool.connect.bind(pool) as (...values: unknown[]) => unknown;
  const note = (what: string, of: typeof query, isNoted: (values: unknown[]) => boolean) => {
    return (...values: unknown[]) => {
      if (isNoted(values)) work.push(what);
      return of(...values);
    };
  };
  Object.assign(pool, {
    query: note("statement", query, () => true),
    // A single statement asks for its connection with a callback.
    connect: note("transaction", connect, ([callback]) => callback === undefined),
  });
  try {
    expect((await signIn("alice", PASSWORD)).status).toBe(200);
  } finally {
    Object.assign(pool, { query, connect });
  }
  expect(work).toEqual(["statement", "verify", "statement"]);
});
