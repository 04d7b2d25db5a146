// Requests of every kind, made from the schemas and broken in every way: none makes a service fail, and none makes it
// tell one person what is another's.
import { faultsOf } from "@sotto/testkit/contract-answers";
import { type Operation, operationsAt } from "@sotto/testkit/contract-document";
import { fitting, sampleRequest } from "@sotto/testkit/contract-samples";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Ask,
  type ContractWorld,
  PASSWORD,
  type Person,
  PUBLIC_URL,
  parametersOf,
  startContractWorld,
} from "./contract-world.ts";

let world: ContractWorld;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await startContractWorld();
  alice = await world.join("alice");
  bob = await world.join("bob");
});
afterAll(() => world.close());

const oddValue = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  0.5,
  2 ** 53,
  1e308,
  "",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\u202e",
  "\u0130",
  "%",
  "' or 1=1 --",
  "../../etc/passwd",
  "x".repeat(5000),
  [],
  [[]],
  {},
  { toString: 1 },
  { length: 1e9 },
);
const anyText = fc.string({ unit: "binary", maxLength: 100 });
const oddName = fc.constantFrom(
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "",
  "then",
);
const anything = fc.oneof({ weight: 3, arbitrary: oddValue }, anyText, fc.jsonValue({ maxDepth: 3 }));

/** Replaces, takes away or adds somewhere in `value`; `where` chooses on the way down. */
function mutate(value: unknown, where: readonly number[], odd: { name: string; value: unknown }): unknown {
  const [step = 0, ...rest] = where;
  if (rest.length === 0 || typeof value !== "object" || value === null) return odd.value;
  if (Array.isArray(value)) {
    if (value.length === 0) return [odd.value];
    const at = step % value.length;
    return value.map((item, index) => (index === at ? mutate(item, rest, odd) : item));
  }
  const entries = Object.entries(value);
  const at = step % (entries.length + 2);
  if (at === entries.length) return { ...value, [odd.name]: odd.value };
  if (at > entries.length) return Object.fromEntries(entries.slice(1));
  return Object.fromEntries(
    entries.map(([name, part], index) => [name, index === at ? mutate(part, rest, odd) : part]),
  );
}

/** As text, because an object literal cannot carry an own `__proto__`. */
function bodyOf({ body }: Operation): fc.Arbitrary<string> {
  const fits = fitting(body ?? {});
  const odd = fc.record({ name: fc.oneof(oddName, anyText), value: anything });
  const where = fc.array(fc.nat(20), { minLength: 1, maxLength: 5 });
  const mutated = fc.tuple(fits, where, odd).map(([value, path, strange]) => mutate(value, path, strange));
  return fc.oneof(
    { weight: 3, arbitrary: fits.map((value) => JSON.stringify(value)) },
    { weight: 6, arbitrary: mutated.map((value) => JSON.stringify(value) ?? "") },
    fits.map((value) => JSON.stringify(value).replace("{", '{"__proto__":{"admin":true},')),
    fits.map((value) => `${JSON.stringify(value).slice(0, -1)},"a":1,"a":2}`),
    fc.nat(4000).map((depth) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`),
    fc.json(),
    anyText,
  );
}

const headers = fc.dictionary(
  fc.constantFrom(
    "Content-Type",
    "Authorization",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
    "X-Request-Id",
    "Accept",
    "X-Forwarded-For",
    "Content-Encoding",
    "Host",
    "X-HTTP-Method-Override",
    "If-None-Match",
    "Range",
  ),
  fc.oneof(
    fc.constantFrom(
      "application/json; charset=utf-16",
      "application/json, application/json",
      "multipart/form-data",
      "Bearer ..",
      "sotto_access=x; sotto_refresh=y",
      "sotto_refresh=%E0%A4%A",
      PUBLIC_URL,
      "same-origin",
      "127.0.0.1, unknown",
      "gzip",
      "DELETE",
      "bytes=0-1",
      "null",
    ),
    fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,60}$/),
  ),
  { maxKeys: 3 },
);

type Case = { name: string; path: string; ask: Ask; by: string };

/** Not the end of the session that the other cases need. */
const ENDS_ITSELF = new Set([
  "POST /api/user/sign-out",
  "POST /api/user/deactivate",
  "POST /api/user/delete",
]);

function caseOf(operation: Operation): fc.Arbitrary<Case> {
  const param = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("alice", "bob") },
    { weight: 1, arbitrary: anyText },
    { weight: 1, arbitrary: fc.constantFrom("..", "%2e%2e", "null", "0", "'", "%00", "undefined") },
  );
  const query = fc.array(
    fc.tuple(
      fc.constantFrom(...operation.parameters.map(({ name }) => name), "__proto__", "x"),
      fc.oneof(anyText, fc.constantFrom("a", "1", "100", "", "%")),
    ),
    { maxLength: 3 },
  );
  return fc
    .record({
      by: fc.oneof(
        { weight: 5, arbitrary: fc.constant("alice") },
        fc.constantFrom("nobody", "garbage", "cookie"),
      ),
      param,
      query,
      headers,
      text: operation.body ? bodyOf(operation) : fc.option(anyText, { nil: undefined, freq: 4 }),
      seed: fc.nat(1000),
    })
    .map(({ by, param: whose, query: pairs, headers: odd, text, seed }) => {
      const known = whose === "alice" || whose === "bob" ? parametersOf(whose === "alice" ? alice : bob) : {};
      const own = { ...known, "sotto-device": alice.deviceId };
      const sample = sampleRequest(operation, own, seed);
      const path =
        Object.keys(known).length > 0
          ? sample.path
          : operation.path.replaceAll(/\{\w+\}/g, encodeURIComponent(whose.toWellFormed()) || "x");
      const isBodyless = operation.method === "GET" || operation.method === "HEAD";
      return {
        name: operation.name,
        path,
        by,
        ask: {
          query: [...Object.entries(sample.query), ...pairs]
            .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
            .join("&"),
          headers: { ...sample.headers, ...credentials(by), ...odd },
          ...(text !== undefined && !isBodyless && { text }),
        },
      };
    });
}

function credentials(by: string): Record<string, string> {
  if (by === "alice") return { Authorization: `Bearer ${alice.accessToken}` };
  if (by === "garbage") return { Authorization: "Bearer e30.e30.e30" };
  if (by === "cookie") return { Cookie: `sotto_access=${alice.accessToken}`, Origin: PUBLIC_URL };
  return {};
}

/** Rows of the account schema that are bob's, but for what strangers may cause: failed sign-ins are written down. */
async function rowsOf(person: Person): Promise<unknown> {
  const { rows: tables } = await world.owner.query<{ table_name: string }>(
    `select table_name from information_schema.columns
     where table_schema = 'account' and column_name = 'account_id' and table_name <> 'audit_entry' order by 1`,
  );
  const contents: Record<string, unknown[]> = {};
  for (const { table_name: table } of tables) {
    const { rows } = await world.owner.query(
      `select * from account.${table} where account_id = $1 order by 1, 2`,
      [person.accountId],
    );
    contents[table] = rows;
  }
  return contents;
}

test("no request makes a service fail, is answered with what is not documented, or tells what is another's", {
  timeout: 120_000,
}, async () => {
  const before = await rowsOf(bob);
  const statuses = new Map<number, number>();
  const operations = world.operations.filter(({ name }) => !ENDS_ITSELF.has(name));
  const runsEach = Math.ceil(4000 / operations.length);
  for (const operation of operations) {
    await fc.assert(
      fc.asyncProperty(caseOf(operation), async ({ name, path, ask, by }) => {
        const answer = await world.ask(operation, path, ask);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expect(
          faultsOf(answeredBy(operation, path), answer),
          `${name} ${path} by ${by}: ${answer.text}`,
        ).toEqual([]);
        const told = `${answer.text} ${JSON.stringify([...answer.headers])}`;
        for (const secret of bob.secrets) expect(told, `${name} ${path}`).not.toContain(secret);
      }),
      { numRuns: runsEach },
    );
    await renewAlice();
  }
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 415]));
  expect(await rowsOf(bob)).toEqual(before);
});

/** What can be found before there is an operation. */
const BEFORE_ANY: ReadonlySet<string> = new Set([
  "not_found",
  "method_not_allowed",
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "forbidden",
]);

/** A path with odd parts may be the address of another operation, or of none. */
function answeredBy({ method, ...operation }: Operation, path: string): Operation {
  const { pathname } = new URL(path, "http://localhost");
  const found = operationsAt(world.operations, pathname).find((other) => other.method === method);
  return found ?? { ...operation, method, codes: BEFORE_ANY };
}

/** A case may have ended alice's session, or more: then she goes on with another. */
async function renewAlice(): Promise<void> {
  const me = await world.ask({ service: "user", method: "GET" }, "/api/user/me", {
    token: alice.accessToken,
  });
  if (me.status === 200) return;
  const username = `alice${world.operations.length}_${me.headers.get("x-request-id")?.slice(0, 6).replaceAll("-", "_")}`;
  alice = await world.join(username);
}

/** What an answer is without ids and times. */
const shapeOf = (text: string): string =>
  text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<id>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/"[A-Za-z0-9_.-]{40,}"/g, '"<token>"');

/** Fields by which a person could be recognised, and where telling is the purpose: a username can be taken. */
const NAMES = ["username", "email"] as const;
const TELLING = new Set(["POST /api/user/register username"]);

test("no answer to strangers depends on whether there is such an account", async () => {
  let compared = 0;
  const anonymous = world.operations.filter(({ isSecured, body }) => !isSecured && body);
  for (const operation of anonymous) {
    for (const name of NAMES) {
      if (!operation.body?.properties?.[name] || TELLING.has(`${operation.name} ${name}`)) continue;
      const shapes: string[] = [];
      for (const value of [bob[name], name === "email" ? "nobody@example.org" : "nobody_at_all"]) {
        const { body } = sampleRequest(operation, {}, 7);
        const password = PASSWORD.replace("a", "o");
        const unique = { username: `u${compared}${shapes.length}`, tokens: "bearer" };
        const known = Object.fromEntries(
          Object.entries(unique).filter(([field]) => operation.body?.properties?.[field]),
        );
        const asked = {
          ...(body as object),
          ...known,
          ...(operation.body.properties.password && { password }),
          [name]: value,
        };
        const answer = await world.ask(operation, operation.path, { body: asked });
        const names = [...answer.headers.keys()].sort();
        const isAsSent = (text: string) =>
          text.replaceAll(String(value), "<name>").replaceAll(unique.username, "<unique>");
        shapes.push(JSON.stringify([answer.status, names, shapeOf(isAsSent(answer.text))]));
      }
      compared += 1;
      expect(shapes[0], `${operation.name} ${name}`).toBe(shapes[1]);
    }
  }
  expect(compared).toBeGreaterThan(0);
});
