import { hash, verify } from "@node-rs/argon2";
import { signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
let hashes = 0;
beforeAll(async () => {
  const countedHash: typeof hash = (...args) => {
    hashes += 1;
    return hash(...args);
  };
  user = await startUserApp({ sources: { argon2: { hash: countedHash, verify } } });
});
afterAll(() => user.close());

const details = (username: string) => ({ username, email: "someone@example.org", password: PASSWORD });

test("registering stores the account, its session and its event together, and signs in", async () => {
  const response = await user.post("/register", { body: { ...details("Alice_1"), email: "Al@Example.org" } });
  expect(response.status).toBe(201);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect(response.headers.get("Set-Cookie")).toBeNull();
  const { account, session } = signedIn.parse(await response.json());
  expect(account).toMatchObject({ username: "alice_1", email: "Al@Example.org" });
  const me = await user.get("/me", { token: session.accessToken ?? "" });
  expect(await me.json()).toEqual(account);
  expect((await user.events()).filter((event) => event.key === account.accountId)).toEqual([
    expect.objectContaining({
      type: "user.account-registered",
      data: { accountId: account.accountId, username: "alice_1", email: "Al@Example.org", language: null },
    }),
    expect.objectContaining({ type: "user.email-verification-requested" }),
  ]);
  const { rows } = await user.owner.query("select password_hash from account.account where username = $1", [
    "alice_1",
  ]);
  expect(rows[0].password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test("of several registrations of one name at once exactly one wins, and the others leave nothing behind", async () => {
  const responses = await Promise.all(
    ["bob", "Bob", "BOB", "boB"].map((username) => user.post("/register", { body: details(username) })),
  );
  expect(responses.map((response) => response.status).sort()).toEqual([201, 409, 409, 409]);
  const losers = responses.filter((response) => response.status === 409);
  for (const loser of losers) expect(await loser.json()).toMatchObject({ code: "username_taken" });
  const events = (await user.events()).filter((event) => event.data.username === "bob");
  expect(events.map(({ type }) => type)).toEqual([
    "user.account-registered",
    "user.email-verification-requested",
  ]);
  const { rows } = await user.owner.query(
    "select count(*)::int from account.session s join account.account using (account_id) where username = 'bob'",
  );
  expect(rows[0].count).toBe(1);
});

test("a name that is taken, reserved or no name is refused before any hash is computed", async () => {
  await user.register("carol");
  hashes = 0;
  const refused = async (body: unknown) => {
    const response = await user.post("/register", { body });
    return ((await response.json()) as { code: string }).code;
  };
  expect(await refused(details("carol"))).toBe("username_taken");
  expect(await refused(details("admin"))).toBe("username_taken");
  expect(await refused(details("1carol"))).toBe("bad_request");
  expect(await refused({ ...details("dora"), password: "short" })).toBe("bad_request");
  expect(await refused({ ...details("dora"), password: "x".repeat(257) })).toBe("bad_request");
  expect(await refused({ ...details("dora"), admin: true })).toBe("bad_request");
  expect(hashes).toBe(0);
});

test("one e-mail address may have several accounts, so that registering tells nobody whose it is", async () => {
  for (const name of ["erin", "erin2"]) {
    expect((await user.post("/register", { body: details(name) })).status).toBe(201);
  }
});

test("what is wrong with the input is told by path, without the input", async () => {
  const response = await user.post("/register", { body: { username: "x", email: "y", password: "secret" } });
  expect(response.status).toBe(400);
  const text = await response.text();
  expect(
    JSON.parse(text)
      .issues.map((issue: { path: string }) => issue.path)
      .sort(),
  ).toEqual(["email", "password", "username"]);
  expect(text).not.toContain("secret");
});
