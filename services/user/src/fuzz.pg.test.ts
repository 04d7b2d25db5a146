import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startUserApp, type UserApp } from "./user-app-fixture.ts";

let user: UserApp;
let token: string;
beforeAll(async () => {
  // The hash is not what is tested here.
  const argon2 = {
    hash: async () => "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAAA",
    verify: async () => false,
  };
  user = await startUserApp({ sources: { argon2 } });
  token = (await user.register("alice")).accessToken;
});
afterAll(() => user.close());

const anyText = fc.string({ unit: "binary", maxLength: 300 });
const oddValues = fc.constantFrom<unknown>(
  "alice",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\u202e",
  "K",
  "İ",
  "%",
  "' or 1=1 --",
  -1,
  1e308,
  null,
  true,
  [],
  {},
  "x".repeat(5000),
  { toString: 1 },
  ["alice"],
);
const anyValue = fc.oneof({ weight: 3, arbitrary: oddValues }, anyText, fc.jsonValue({ maxDepth: 3 }));
const fieldName = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("username", "email", "password", "tokens", "refreshToken"),
  },
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "hasOwnProperty", ""),
  anyText,
);
/** As text, because an object literal cannot carry an own `__proto__`. */
const anyBody = fc.oneof(
  fc
    .array(fc.tuple(fieldName, anyValue), { maxLength: 6 })
    .map(
      (fields) =>
        `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
    ),
  fc
    .record({ username: anyValue, email: anyValue, password: fc.oneof(anyText, anyValue) })
    .map((body) => JSON.stringify(body)),
  fc
    .record({
      username: fc.stringMatching(/^[a-z][a-z0-9_]{2,31}$/),
      password: fc.string({ unit: "binary", minLength: 12, maxLength: 256 }),
    })
    .map((body) => JSON.stringify({ ...body, email: "a@example.org" })),
  fc
    .record({ username: anyText, password: fc.string({ unit: "binary", minLength: 12, maxLength: 256 }) })
    .map((body) => JSON.stringify({ ...body, email: "a@example.org" })),
  fc.json(),
  anyText,
);
const anyHeaders = fc.dictionary(
  fc.constantFrom(
    "Content-Type",
    "Authorization",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
    "X-Request-Id",
    "Accept",
  ),
  fc.oneof(
    fc.constantFrom(
      "application/json",
      "application/json; charset=utf-16",
      "application/json, application/json",
      "multipart/form-data",
      "Bearer ..",
      "Bearer a.b.c, Bearer a.b.c",
      "sotto_access=x; sotto_refresh=y",
      "sotto_refresh=%E0%A4%A",
      "http://localhost:8080",
      "same-origin",
    ),
    fc.stringMatching(/^[ -~]{1,200}$/).filter((text) => text.trim() !== ""),
  ),
);

/** Answers by status, to see that the cases reach further than the first check. */
const answers = new Map<number, number>();

async function expectNoServerError(response: Response, sent: unknown): Promise<void> {
  const text = await response.text();
  answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
  expect(response.status, `${JSON.stringify(sent)} -> ${text}`).toBeLessThan(500);
}

test("no body and no header makes the service fail", { timeout: 60_000 }, async () => {
  const routes = fc.constantFrom("/register", "/sign-in", "/refresh", "/sign-out");
  const withToken = fc.boolean();
  await fc.assert(
    fc.asyncProperty(routes, anyBody, anyHeaders, withToken, async (route, body, headers, isCaller) => {
      // Signing out would end the session that the other cases need.
      const caller = isCaller && route !== "/sign-out" ? { token } : {};
      const request = { body, ...caller, headers };
      await expectNoServerError(await user.post(route, request), { route, ...request });
    }),
    { numRuns: 600 },
  );
  expect([...answers.keys()]).toEqual(expect.arrayContaining([201, 400, 401]));
});

test("no query makes the service fail", { timeout: 60_000 }, async () => {
  const anyQuery = fc.array(
    fc.tuple(
      fc.constantFrom("prefix", "limit", "__proto__", "x"),
      fc.oneof(anyText, fc.constantFrom("a", "20")),
    ),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(anyQuery, async (query) => {
      const search = query
        .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
        .join("&");
      await expectNoServerError(await user.get(`/accounts?${search}`, { token }), search);
    }),
    { numRuns: 300 },
  );
});

test("a query that is not valid UTF-8 does not make the service fail", async () => {
  for (const query of ["prefix=%", "prefix=%ff", "prefix=%E0%A4%A", "prefix=%00", "%=%"]) {
    await expectNoServerError(await user.get(`/accounts?${query}`, { token }), query);
  }
});
