import { hash, verify } from "@node-rs/argon2";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
let verified = 0;
let whileVerifying: (() => Promise<void>) | undefined;
beforeAll(async () => {
  user = await startUserApp({
    sources: {
      argon2: {
        hash,
        verify: async (...args) => {
          verified += 1;
          await whileVerifying?.();
          return verify(...args);
        },
      },
    },
  });
});
afterAll(() => user.close());
beforeEach(() => {
  verified = 0;
});

const signIn = (username: string, password: string, address?: string) =>
  user.post("/sign-in", { body: { username, password }, ...(address && { address }) });
async function statuses(attempts: Promise<Response>[]): Promise<number[]> {
  return (await Promise.all(attempts)).map(({ status }) => status).sort();
}
const times = <T>(count: number, one: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => one(index));

test("wrong passwords of one name are limited, from however many addresses, and cost no more hashes", async () => {
  await user.register("alice");
  expect(await statuses(times(40, () => signIn("alice", "a wrong password")))).toEqual([
    ...times(5, () => 401),
    ...times(35, () => 429),
  ]);
  expect(verified).toBe(5);
  const right = await signIn("ALICE", PASSWORD);
  expect(right.status).toBe(429);
  expect(right.headers.get("Retry-After")).toBe("60");
  expect(verified).toBe(5);
  user.clock.advance(59);
  expect((await signIn("alice", PASSWORD)).status).toBe(429);
  user.clock.advance(1);
  expect((await signIn("alice", PASSWORD)).status).toBe(200);
  await user.register("alice_too");
  expect((await signIn("alice_too", PASSWORD)).status).toBe(200);
});

test("names that do not exist are limited like those that do", async () => {
  for (const name of ["nobody_here", "not a name", "__proto__", "a\u0000b", "\ud800x"]) {
    const seen = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      seen.push((await signIn(name, "a wrong password")).status);
    }
    expect(seen, name).toEqual([401, 401, 401, 401, 401, 429, 429]);
  }
});

test("no name reads as the key of another limit", async () => {
  await user.register("keyed");
  await signIn("keyed", PASSWORD, "192.0.2.50");
  for (const name of ['keyed","192.0.2.50', '["keyed"]', "keyed 192.0.2.50", '"keyed"']) {
    await Promise.all(times(7, () => signIn(name, "a wrong password")));
  }
  expect((await signIn("keyed", PASSWORD)).status).toBe(200);
  await Promise.all(times(7, () => signIn("keyed", "a wrong password")));
  expect((await signIn("keyed", PASSWORD, "192.0.2.50")).status).toBe(200);
});

test("signing in never uses the limit up", async () => {
  await user.register("busy");
  for (let round = 0; round < 12; round++) expect((await signIn("busy", PASSWORD)).status).toBe(200);
});

test("a right password gives back its own try, and none of the wrong ones", async () => {
  await user.register("watched");
  const seen = [];
  for (let round = 0; round < 6; round++) {
    seen.push((await signIn("watched", "a wrong password")).status);
    seen.push((await signIn("watched", PASSWORD)).status);
  }
  // With the fifth wrong password the last try is gone.
  expect(seen).toEqual([401, 200, 401, 200, 401, 200, 401, 200, 401, 429, 429, 429]);
});

test("a try that is given back is there at once, also when somebody was refused meanwhile", async () => {
  await user.register("patient");
  for (let round = 0; round < 4; round++) await signIn("patient", "a wrong password");
  whileVerifying = async () => {
    whileVerifying = undefined;
    expect((await signIn("patient", PASSWORD)).status).toBe(429);
  };
  expect((await signIn("patient", PASSWORD)).status).toBe(200);
  expect((await signIn("patient", PASSWORD)).status).toBe(200);
});

test("strangers who use a name's tries up do not lock out an address that signed in before", async () => {
  await user.register("victim");
  const home = "192.0.2.77";
  expect((await signIn("victim", PASSWORD, home)).status).toBe(200);
  await Promise.all(times(20, () => signIn("victim", "a wrong password")));
  expect((await signIn("victim", PASSWORD, home)).status).toBe(200);
  expect((await signIn("victim", PASSWORD, "192.0.2.78")).status).toBe(429);
  // Nor is that address a way to guess without end.
  expect(await statuses(times(12, () => signIn("victim", "a wrong password", home)))).toEqual([
    ...times(5, () => 401),
    ...times(7, () => 429),
  ]);
});

test("the neighbours of an IPv6 address are the same client, and strangers are not", async () => {
  await user.register("six");
  expect((await signIn("six", PASSWORD, "2001:db8:1:2:aaaa::1")).status).toBe(200);
  await Promise.all(times(20, () => signIn("six", "a wrong password")));
  expect((await signIn("six", PASSWORD, "2001:db8:1:2:bbbb::2")).status).toBe(200);
  expect((await signIn("six", PASSWORD, "2001:db8:1:3::1")).status).toBe(429);
  expect(
    await statuses(times(12, (index) => signIn("six", "a wrong password", `2001:db8:1:2::${index + 1}`))),
  ).toEqual([...times(5, () => 401), ...times(7, () => 429)]);
});

test("one address cannot try many names, and cannot use up the tries of a name beyond its own", async () => {
  await user.register("spared");
  const address = "192.0.2.99";
  await user.register("attacker");
  expect(await statuses(times(30, (index) => signIn(`name_${index}`, "a wrong password", address)))).toEqual([
    ...times(20, () => 401),
    ...times(10, () => 429),
  ]);
  // Its own right password changes nothing of that, and its refused tries cost nobody anything.
  expect((await signIn("attacker", PASSWORD, address)).status).toBe(429);
  await Promise.all(times(10, () => signIn("spared", "a wrong password", address)));
  expect(verified).toBe(20);
  expect(await statuses(times(5, () => signIn("spared", "a wrong password")))).toEqual(times(5, () => 401));
});

test("one address registers so many accounts and no more, also those whose names are taken", async () => {
  const address = "192.0.2.111";
  const register = (username: string) =>
    user.post("/register", { body: { username, email: "a@example.org", password: PASSWORD }, address });
  const seen = [];
  for (let index = 0; index < 8; index++)
    seen.push((await register(index % 2 ? "taken" : `new_${index}`)).status);
  expect(seen).toEqual([201, 201, 201, 409, 201, 409, 429, 429]);
});
