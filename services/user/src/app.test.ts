import { afterAll, beforeAll, expect, test } from "vitest";
import { createUserApp } from "./app.ts";
import { parseUserConfig } from "./config.ts";
import { createContext, type UserContext } from "./context.ts";
import { newUserEnv } from "./user-env-fixture.ts";

let context: UserContext;
beforeAll(async () => {
  context = await createContext(parseUserConfig(newUserEnv()));
});
afterAll(() => context.close());

test("without its database the service lives, is not ready, and asks callers to come back", async () => {
  const app = createUserApp(context);
  expect((await app.request("/health/live")).status).toBe(200);
  const ready = await app.request("/health/ready");
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: "unavailable", checks: { database: "failed" } });
  const signIn = await app.request("/api/user/sign-in", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username: "alice", password: "correct horse battery" }),
  });
  expect(signIn.status).toBe(503);
  expect(signIn.headers.get("Retry-After")).toBe("2");
  const problem = await signIn.text();
  expect(JSON.parse(problem)).toMatchObject({ code: "unavailable" });
  expect(problem).not.toContain("127.0.0.1");
  // An empty set of keys would make verifiers refuse for good what they only cannot judge now.
  const keys = await app.request("/.well-known/jwks.json");
  expect(keys.status).toBe(503);
  expect(await keys.json()).toMatchObject({ code: "unavailable" });
  const head = Buffer.from(JSON.stringify({ alg: "EdDSA", kid: "k" })).toString("base64url");
  const me = await app.request("/api/user/me", { headers: { Authorization: `Bearer ${head}.e30.AAAA` } });
  expect(await me.json()).toMatchObject({ status: 503, code: "unavailable" });
});
