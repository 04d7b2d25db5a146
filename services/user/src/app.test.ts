import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUserApp } from "./app.ts";
import { parseUserConfig } from "./config.ts";
import { createContext, type UserContext } from "./context.ts";

let context: UserContext;
beforeAll(async () => {
  context = await createContext(
    parseUserConfig({
      PORT: "0",
      LOG_LEVEL: "fatal",
      // Nothing listens on port 1.
      DATABASE_URL: "postgres://sotto_user:x@127.0.0.1:1/sotto",
      PUBLIC_URL: "http://localhost:8080",
      ACCESS_TOKEN_KEY: JSON.stringify({
        ...generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }),
        kid: "k",
      }),
    }),
  );
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
  expect((await app.request("/.well-known/jwks.json")).status).toBe(200);
});
