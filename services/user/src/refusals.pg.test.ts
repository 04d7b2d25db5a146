import { errorStatus, problem } from "@sotto/contracts/errors";
import { limits } from "@sotto/contracts/limits";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startUserApp, type UserApp } from "./user-app-fixture.ts";

type Operation = {
  security?: unknown[];
  requestBody?: { required?: boolean; content: Record<string, unknown> };
  responses: Record<string, unknown>;
};
type Route = { method: string; path: string; operation: Operation };

let user: UserApp;
let routes: Route[];
beforeAll(async () => {
  user = await startUserApp();
  const response = await user.send("GET", "/openapi.json");
  const document = (await response.json()) as { paths: Record<string, Record<string, Operation>> };
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
});
afterAll(() => user.close());

const nameOf = ({ method, path }: Route) => `${method} ${path}`;
/** With an id that nothing has in the place of each parameter. */
const addressOf = ({ path }: Pick<Route, "path">) =>
  path.replaceAll(/\{\w+\}/g, "01900000-0000-7000-8000-000000000000");

async function expectProblem(response: Response, status: number, where: string): Promise<void> {
  const text = await response.text();
  expect(response.status, `${where}: ${text}`).toBe(status);
  expect(response.headers.get("Content-Type"), where).toBe("application/problem+json");
  const { code, requestId } = problem.parse(JSON.parse(text));
  expect(errorStatus[code]).toBe(status);
  expect(requestId).toBe(response.headers.get("X-Request-Id"));
}

// Made from the document that describes the service: a route cannot be forgotten here without being undocumented,
// and the list below is what must be documented.
test("every route is in the OpenAPI document, with its answers", () => {
  expect(routes.map(nameOf).sort()).toEqual([
    "DELETE /api/user/passkeys/{passkeyId}",
    "DELETE /api/user/second-factors/totp",
    "DELETE /api/user/sessions/{sessionId}",
    "GET /.well-known/jwks.json",
    "GET /api/user/.well-known/jwks.json",
    "GET /api/user/accounts",
    "GET /api/user/accounts/{accountId}",
    "GET /api/user/admin/accounts",
    "GET /api/user/admin/accounts/{accountId}",
    "GET /api/user/admin/accounts/{accountId}/audit",
    "GET /api/user/audit",
    "GET /api/user/export",
    "GET /api/user/me",
    "GET /api/user/second-factors",
    "GET /api/user/sessions",
    "PATCH /api/user/me",
    "PATCH /api/user/passkeys/{passkeyId}",
    "POST /api/user/admin/accounts/{accountId}/reset-second-factor",
    "POST /api/user/admin/accounts/{accountId}/restore",
    "POST /api/user/admin/accounts/{accountId}/revoke-sessions",
    "POST /api/user/admin/accounts/{accountId}/suspend",
    "POST /api/user/admin/keys/rotate",
    "POST /api/user/deactivate",
    "POST /api/user/delete",
    "POST /api/user/email/change",
    "POST /api/user/email/verification",
    "POST /api/user/email/verify",
    "POST /api/user/passkeys",
    "POST /api/user/passkeys/options",
    "POST /api/user/password/change",
    "POST /api/user/password/forgot",
    "POST /api/user/password/reset",
    "POST /api/user/reauthenticate",
    "POST /api/user/reauthenticate/passkey/options",
    "POST /api/user/refresh",
    "POST /api/user/register",
    "POST /api/user/second-factors/recovery-codes",
    "POST /api/user/second-factors/totp",
    "POST /api/user/second-factors/totp/confirm",
    "POST /api/user/sessions/revoke-others",
    "POST /api/user/sign-in",
    "POST /api/user/sign-in/passkey",
    "POST /api/user/sign-in/passkey/options",
    "POST /api/user/sign-in/second-factor",
    "POST /api/user/sign-out",
    "PUT /api/user/admin/accounts/{accountId}/role",
  ]);
  for (const { operation } of routes) {
    if (operation.security) expect(operation.responses).toHaveProperty("401");
    if (operation.requestBody)
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["400", "413"]));
  }
});

test("every route that acts for a caller answers 401 without a token, and with one that is none", async () => {
  const guarded = routes.filter(({ operation }) => operation.security);
  expect(guarded.map(nameOf).sort()).toEqual([
    "DELETE /api/user/passkeys/{passkeyId}",
    "DELETE /api/user/second-factors/totp",
    "DELETE /api/user/sessions/{sessionId}",
    "GET /api/user/accounts",
    "GET /api/user/accounts/{accountId}",
    "GET /api/user/admin/accounts",
    "GET /api/user/admin/accounts/{accountId}",
    "GET /api/user/admin/accounts/{accountId}/audit",
    "GET /api/user/audit",
    "GET /api/user/export",
    "GET /api/user/me",
    "GET /api/user/second-factors",
    "GET /api/user/sessions",
    "PATCH /api/user/me",
    "PATCH /api/user/passkeys/{passkeyId}",
    "POST /api/user/admin/accounts/{accountId}/reset-second-factor",
    "POST /api/user/admin/accounts/{accountId}/restore",
    "POST /api/user/admin/accounts/{accountId}/revoke-sessions",
    "POST /api/user/admin/accounts/{accountId}/suspend",
    "POST /api/user/admin/keys/rotate",
    "POST /api/user/deactivate",
    "POST /api/user/delete",
    "POST /api/user/email/change",
    "POST /api/user/email/verification",
    "POST /api/user/passkeys",
    "POST /api/user/passkeys/options",
    "POST /api/user/password/change",
    "POST /api/user/reauthenticate",
    "POST /api/user/reauthenticate/passkey/options",
    "POST /api/user/second-factors/recovery-codes",
    "POST /api/user/second-factors/totp",
    "POST /api/user/second-factors/totp/confirm",
    "POST /api/user/sessions/revoke-others",
    "POST /api/user/sign-out",
    "PUT /api/user/admin/accounts/{accountId}/role",
  ]);
  for (const route of guarded) {
    for (const headers of [
      {},
      { Authorization: "Bearer" },
      { Authorization: "Bearer x" },
      { Authorization: "Basic YWxpY2U6eA==" },
      { Authorization: "Bearer a, Bearer b" },
      { Cookie: "sotto_access=x" },
      { Cookie: "sotto_access=%ff; sotto_access=; =; ;" },
    ] as Record<string, string>[]) {
      await expectProblem(await user.send(route.method, addressOf(route), { headers }), 401, nameOf(route));
    }
  }
});

test("every route that takes a body answers 400 to one that is not valid, and never takes another media type", async () => {
  const { accessToken: token, accountId } = await user.register("alice");
  // An administrator, so that nothing is hidden.
  await user.owner.query("update account.account set operator_role = 'administrator' where account_id = $1", [
    accountId,
  ]);
  const bodied = routes.filter(({ operation }) => operation.requestBody);
  expect(bodied).toHaveLength(21);
  for (const route of bodied) {
    for (const body of [
      "",
      "{",
      "null",
      "[]",
      '"text"',
      "1",
      '{"__proto__":{"admin":true}}',
      '{"extra":1}',
    ]) {
      await expectProblem(
        await user.send(route.method, addressOf(route), { body, token }),
        400,
        nameOf(route),
      );
    }
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x"]) {
      const request = { body: "{}", token, headers: { "Content-Type": type } };
      const { status } = await user.send(route.method, addressOf(route), request);
      expect(status, `${nameOf(route)} as ${type}`).toBe(415);
    }
  }
});

test("every route answers 413 to a body over the limit, whether its length is told or not", async () => {
  for (const route of routes.filter(({ method }) => method !== "GET")) {
    const body = `{"username":"${"a".repeat(limits.bodyBytes)}"}`;
    await expectProblem(await user.send(route.method, addressOf(route), { body }), 413, nameOf(route));
    const chunked = await user.app.request(`http://localhost${addressOf(route)}`, {
      method: route.method,
      headers: { "Content-Type": "application/json" },
      body: new Blob([body]).stream(),
      duplex: "half",
    } as RequestInit);
    await expectProblem(chunked, 413, nameOf(route));
  }
});

test("every route refuses other methods, and there is nothing beside the routes", async () => {
  for (const route of routes) {
    const taken = new Set(routes.filter(({ path }) => path === route.path).map(({ method }) => method));
    const other = ["PUT", "PATCH", "DELETE"].find((method) => !taken.has(method)) ?? "";
    const { status } = await user.send(other, addressOf(route));
    expect(status, `${other} ${route.path}`).toBe(405);
  }
  await expectProblem(await user.send("GET", "/api/user/nothing"), 404, "nothing");
  await expectProblem(await user.send("GET", "/api/user/me/"), 404, "me/");
});
