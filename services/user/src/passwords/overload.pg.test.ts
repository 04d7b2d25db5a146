import { hash } from "@node-rs/argon2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";

const MAX_WAITING = 3;
let user: UserApp;
let started = 0;
const letGo = Promise.withResolvers<boolean>();
beforeAll(async () => {
  user = await startUserApp({
    env: { PASSWORD_HASH_MAX_WAITING: String(MAX_WAITING), PASSWORD_HASH_THREADS: "1" },
    sources: {
      argon2: {
        hash,
        verify: () => {
          started += 1;
          return letGo.promise;
        },
      },
    },
  });
});
afterAll(() => user.close());

test("sign-ins beyond the queue are refused with a time to wait, and the rest of the service goes on", async () => {
  const { accessToken } = await user.register("alice");
  const signIn = (username = "alice") => user.post("/sign-in", { body: { username, password: PASSWORD } });
  // Of one name the limit of sign-ins would refuse some before.
  const names = Array.from({ length: 1 + MAX_WAITING + 5 }, (_, index) => `person${index}`);
  for (const name of names) await user.register(name);
  const refused: Response[] = [];
  const accepted: Response[] = [];
  const all = names.map(async (name) => {
    const response = await signIn(name);
    (response.status === 200 ? accepted : refused).push(response);
  });
  await expect.poll(() => refused.length, { timeout: 15_000 }).toBe(5);
  for (const response of refused) {
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toBe("2");
    expect(await response.json()).toMatchObject({ code: "overloaded", retryAfterSeconds: 2 });
  }
  expect((await user.get("/me", { token: accessToken })).status).toBe(200);
  // What was refused unlooked at uses up no try of the account.
  for (let attempt = 0; attempt < 8; attempt++) expect((await signIn()).status).toBe(503);
  expect(started).toBe(1);

  letGo.resolve(true);
  await Promise.all(all);
  expect(accepted).toHaveLength(1 + MAX_WAITING);
  expect((await signIn()).status).toBe(200);
});
