import { signedIn } from "@sotto/contracts/user-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { PUBLIC_URL } from "../user-env-fixture.ts";

const SECURE_URL = "https://chat.example.org";
let user: UserApp;
let secure: UserApp;
beforeAll(async () => {
  user = await startUserApp();
  secure = await startUserApp({ env: { PUBLIC_URL: SECURE_URL } });
});
afterAll(async () => {
  await user.close();
  await secure.close();
});

const sameOrigin = { Origin: PUBLIC_URL };
let people = 0;

/** Name to the whole Set-Cookie line. */
function cookiesOf(response: Response): Map<string, string> {
  return new Map(response.headers.getSetCookie().map((line) => [line.slice(0, line.indexOf("=")), line]));
}

/** What a browser sends back. */
function jarOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
}

async function registerByCookie(app: UserApp = user, origin = PUBLIC_URL): Promise<Response> {
  const username = `browser${++people}`;
  const body = { username, email: "b@example.org", password: PASSWORD, tokens: "cookie" };
  const response = await app.post("/register", { body, headers: { Origin: origin } });
  expect(response.status).toBe(201);
  return response;
}

test("a browser gets its tokens in cookies that no script reads, and none in the body", async () => {
  const response = await registerByCookie();
  const { session } = signedIn.parse(await response.clone().json());
  expect(session).not.toHaveProperty("accessToken");
  expect(session).not.toHaveProperty("refreshToken");
  const cookies = cookiesOf(response);
  expect([...cookies.keys()].sort()).toEqual(["sotto_access", "sotto_refresh"]);
  for (const cookie of cookies.values()) {
    expect(cookie).toMatch(/; Path=\/(;|$)/);
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Strict");
    expect(cookie).not.toContain("Secure");
    expect(cookie).not.toContain("Domain");
  }
  expect(cookies.get("sotto_access")).toContain("Max-Age=600;");
  expect((await user.get("/me", { headers: { Cookie: jarOf(response) } })).status).toBe(200);
});

test("over https the cookies are Secure and bound to this host by their name", async () => {
  const response = await registerByCookie(secure, SECURE_URL);
  const cookies = cookiesOf(response);
  expect([...cookies.keys()].sort()).toEqual(["__Host-sotto_access", "__Host-sotto_refresh"]);
  for (const cookie of cookies.values()) expect(cookie).toContain("; Secure");
  const headers = { Cookie: jarOf(response), Origin: SECURE_URL };
  expect((await secure.get("/me", { headers })).status).toBe(200);
  expect((await secure.post("/refresh", { body: {}, headers })).status).toBe(200);
});

test("over https a refresh cookie that another host of the domain could have set is not read", async () => {
  const jar = jarOf(await registerByCookie(secure, SECURE_URL)).replaceAll("__Host-", "");
  const response = await secure.post("/refresh", { body: {}, headers: { Cookie: jar, Origin: SECURE_URL } });
  expect(await response.json()).toMatchObject({ code: "unauthenticated" });
});

test("a refresh by cookie answers with cookies, and they go on", async () => {
  let jar = jarOf(await registerByCookie());
  for (let round = 0; round < 3; round++) {
    const response = await user.post("/refresh", { body: {}, headers: { ...sameOrigin, Cookie: jar } });
    expect(response.status).toBe(200);
    expect(await response.clone().json()).toEqual({
      session: { sessionId: expect.any(String), accessTokenExpiresAt: expect.any(String) },
    });
    expect(jarOf(response)).not.toBe(jar);
    jar = jarOf(response);
  }
});

test("signing out clears both cookies", async () => {
  const jar = jarOf(await registerByCookie());
  const response = await user.post("/sign-out", { headers: { ...sameOrigin, Cookie: jar } });
  expect(response.status).toBe(204);
  const cookies = cookiesOf(response);
  expect([...cookies.keys()].sort()).toEqual(["sotto_access", "sotto_refresh"]);
  for (const cookie of cookies.values()) expect(cookie).toMatch(/^[a-z_]+=; Max-Age=0; Path=\//);
});

describe("what another site makes a browser send", () => {
  const foreign: [string, Record<string, string>][] = [
    ["without any origin", {}],
    ["from another origin", { Origin: "https://evil.example" }],
    ["from an opaque origin", { Origin: "null" }],
    ["from another scheme", { Origin: "https://localhost:8080" }],
    ["from another port", { Origin: "http://localhost:8081" }],
    ["from an origin that only starts alike", { Origin: `${PUBLIC_URL}.evil.example` }],
    ["from a sibling host", { "Sec-Fetch-Site": "same-site" }],
    ["cross-site", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
  ];

  test.each(foreign)("%s changes nothing by cookie, and sets no cookie", async (_name, headers) => {
    const Cookie = jarOf(await registerByCookie());
    const credentials = { username: `browser${people}`, password: PASSWORD, tokens: "cookie" };
    const details = { ...credentials, username: `foreign${++people}`, email: "b@example.org" };
    for (const response of [
      await user.post("/sign-out", { headers: { ...headers, Cookie } }),
      await user.post("/refresh", { body: {}, headers: { ...headers, Cookie } }),
      await user.post("/sign-in", { body: credentials, headers }),
      await user.post("/register", { body: details, headers }),
    ]) {
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: "forbidden" });
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    expect((await user.get("/me", { headers: { Cookie } })).status).toBe(200);
  });

  test("the browser's word that the page is our own is enough", async () => {
    const Cookie = jarOf(await registerByCookie());
    const headers = { Cookie, "Sec-Fetch-Site": "same-origin" };
    expect((await user.post("/refresh", { body: {}, headers })).status).toBe(200);
    expect((await user.post("/sign-out", { headers })).status).toBe(204);
  });
});

test("a bearer token wins over a cookie", async () => {
  const Cookie = jarOf(await registerByCookie());
  const { accessToken, accountId } = await user.register("bearer");
  const me = await user.get("/me", { token: accessToken, headers: { Cookie } });
  expect(await me.json()).toMatchObject({ accountId });
  expect((await user.get("/me", { token: "not.a.token", headers: { Cookie } })).status).toBe(401);
  expect((await user.post("/sign-out", { token: accessToken, headers: { Cookie } })).status).toBe(204);
  expect((await user.get("/me", { headers: { Cookie } })).status).toBe(200);
});

test("a refresh token in the body wins over the cookie, and its answer stays in the body", async () => {
  const Cookie = jarOf(await registerByCookie());
  const { refreshToken, sessionId } = await user.register("bodily");
  const response = await user.post("/refresh", { body: { refreshToken }, headers: { Cookie } });
  expect(await response.json()).toMatchObject({ session: { sessionId, refreshToken: expect.any(String) } });
  expect(response.headers.getSetCookie()).toEqual([]);
});
