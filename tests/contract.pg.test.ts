// What holds for every operation of every service. Made from the OpenAPI documents, so that no route can be forgotten.

import { Validator } from "@seriousme/openapi-schema-validator";
import { limits } from "@sotto/contracts/limits";
import { faultsOf } from "@sotto/testkit/contract-answers";
import { type Operation, operationsAt } from "@sotto/testkit/contract-document";
import {
  brokenBodies,
  brokenTexts,
  oddBodies,
  type Sample,
  sampleRequest,
} from "@sotto/testkit/contract-samples";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Ask,
  type ContractWorld,
  isForOperators,
  type Person,
  parametersOf,
  startContractWorld,
} from "./contract-world.ts";

let world: ContractWorld;
let alice: Person;
let operator: Person;
beforeAll(async () => {
  world = await startContractWorld();
  alice = await world.join("alice");
  operator = await world.join("operator_one");
  await world.owner.query(
    "update account.account set operator_role = 'administrator' where username = 'operator_one'",
  );
});
afterAll(() => world.close());

const callerOf = (operation: Operation): Person => (isForOperators(operation) ? operator : alice);

/** A request that fits `operation`, by whoever may make it. */
function requestFor(operation: Operation): { sample: Sample; ask: Ask } {
  const caller = callerOf(operation);
  const sample = sampleRequest(operation, parametersOf(caller));
  const token = operation.isSecured ? { token: caller.accessToken } : {};
  return { sample, ask: { ...token, headers: sample.headers, query: sample.query, body: sample.body } };
}

async function expectRefused(
  operation: Operation,
  path: string,
  ask: Ask,
  expected: { status: number; what: string },
) {
  const answer = await world.ask(operation, path, ask);
  const where = `${operation.name} when ${expected.what}`;
  expect(answer.status, `${where}: ${answer.text}`).toBe(expected.status);
  expect(faultsOf(operation, answer), where).toEqual([]);
  return JSON.parse(answer.text) as { code: string };
}

describe("documents", () => {
  test("each is valid OpenAPI 3.1", async () => {
    for (const [service, description] of Object.entries(world.descriptions)) {
      const validator = new Validator();
      const result = await validator.validate(description as unknown as Record<string, unknown>);
      expect(result, service).toEqual({ valid: true });
      expect(validator.version).toBe("3.1");
    }
  });

  test("every operation has a name of its own, a summary, a group, and answers for what can go wrong", () => {
    const ids = world.operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const operation of world.operations) {
      const { name, operationId, tags, summary, method, responses } = operation;
      expect(operationId, name).toMatch(/^[a-z][A-Za-z0-9]+$/);
      expect(tags, name).toHaveLength(1);
      expect(summary.length, name).toBeGreaterThan(5);
      const statuses = Object.keys(responses);
      expect(
        statuses.filter((status) => status.startsWith("2")),
        name,
      ).not.toEqual([]);
      if (operation.isSecured) expect(statuses, name).toContain("401");
      if (operation.isSecured && method !== "GET") expect(statuses, name).toContain("403");
      if (operation.body) expect(statuses, name).toEqual(expect.arrayContaining(["400", "413", "415"]));
      for (const parameter of operation.parameters) {
        expect(operation.path.includes(`{${parameter.name}}`), name).toBe(parameter.in === "path");
      }
    }
  });

  test("every answer that is an error is described as the same problem", () => {
    for (const { name, responses } of world.operations) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (status.startsWith("2")) continue;
        expect(Object.keys(content), `${name} ${status}`).toEqual(["application/problem+json"]);
      }
    }
  });
});

test("without credentials, and with broken ones, nobody gets further than 401", async () => {
  const broken: Record<string, string>[] = [
    {},
    { Authorization: "" },
    { Authorization: "Bearer" },
    { Authorization: "Bearer x" },
    { Authorization: "Bearer a, Bearer b" },
    { Authorization: "Basic YWxpY2U6eA==" },
    { Authorization: `Bearer ${"a".repeat(5000)}` },
    { Authorization: "Bearer e30.e30.e30" },
    { Cookie: "sotto_access=x" },
    { Cookie: "sotto_access=%ff; sotto_access=; =; ;" },
    { Cookie: `__Host-sotto_access=${alice.accessToken}` },
    { Cookie: `access_token=${alice.accessToken}; token=${alice.accessToken}` },
  ];
  const secured = world.operations.filter(({ isSecured }) => isSecured);
  expect(secured.length).toBeGreaterThan(15);
  for (const operation of secured) {
    const { sample } = requestFor(operation);
    for (const headers of broken) {
      const ask = { headers: { ...sample.headers, ...headers }, query: sample.query, body: sample.body };
      const what = JSON.stringify(headers).slice(0, 80);
      const { code } = await expectRefused(operation, sample.path, ask, { status: 401, what });
      expect(code, `${operation.name} when ${what}`).toBe("unauthenticated");
    }
  }
});

test("a field of a body that is missing, of another type or size, or too many, is refused", async () => {
  let cases = 0;
  for (const operation of world.operations) {
    if (!operation.body) continue;
    const { sample, ask } = requestFor(operation);
    for (const { what, value } of brokenBodies(operation.body, sample.body)) {
      cases += 1;
      const { code } = await expectRefused(
        operation,
        sample.path,
        { ...ask, body: value },
        { status: 400, what },
      );
      expect(code).toBe("bad_request");
    }
  }
  expect(cases).toBeGreaterThan(500);
});

test("no text that a schema lets pass makes a service fail", async () => {
  let cases = 0;
  for (const operation of world.operations) {
    if (!operation.body) continue;
    const { sample, ask } = requestFor(operation);
    for (const { what, value } of oddBodies(sample.body)) {
      cases += 1;
      const answer = await world.ask(operation, sample.path, { ...ask, body: value });
      expect(faultsOf(operation, answer), `${operation.name} with ${what}`).toEqual([]);
    }
  }
  expect(cases).toBeGreaterThan(300);
  // Else they were refused for that.
  const me = await world.ask({ service: "user", method: "GET" }, "/api/user/me", {
    token: alice.accessToken,
  });
  expect(me.status).toBe(200);
});

test("a body that is no JSON, or none at all where one must be, is refused", async () => {
  for (const operation of world.operations) {
    if (!operation.body) continue;
    const { sample, ask } = requestFor(operation);
    const { body: _body, ...bare } = ask;
    for (const text of ["", "{", "nul", "{}{}", "\u0000", '{"a":1,}', "[".repeat(limits.bodyBytes - 1)]) {
      await expectRefused(
        operation,
        sample.path,
        { ...bare, text },
        { status: 400, what: text.slice(0, 20) },
      );
    }
  }
});

test("a parameter that is not what it must be is refused", async () => {
  let cases = 0;
  for (const operation of world.operations) {
    for (const parameter of operation.parameters) {
      for (const text of brokenTexts(parameter.schema)) {
        const { sample, ask } = requestFor(operation);
        const broken = { ...ask, headers: { ...ask.headers }, query: { ...sample.query } };
        let path = sample.path;
        if (parameter.in === "query") broken.query[parameter.name] = text;
        else if (parameter.in === "header") {
          // Other texts cannot be sent in a header.
          if (!/^[\x21-\x7e]*$/.test(text)) continue;
          broken.headers[parameter.name] = text;
        } else {
          // An empty segment is another address.
          if (text === "") continue;
          const known = { ...parametersOf(callerOf(operation)), [parameter.name]: text };
          path = sampleRequest(operation, known).path;
        }
        cases += 1;
        const what = `${parameter.name} is ${JSON.stringify(text).slice(0, 40)}`;
        await expectRefused(operation, path, broken, { status: 400, what });
      }
    }
  }
  expect(cases).toBeGreaterThan(50);
});

test("a body larger than any may be is refused, whatever it is and wherever it goes", async () => {
  const text = JSON.stringify({ text: "a".repeat(limits.frameBytes) });
  for (const operation of world.operations.filter(({ method }) => method !== "GET")) {
    const { sample, ask } = requestFor(operation);
    const { body: _body, ...bare } = ask;
    await expectRefused(
      operation,
      sample.path,
      { ...bare, text },
      { status: 413, what: "the body is large" },
    );
  }
});

test("a body of another media type, or a compressed one, is refused", async () => {
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "",
  ];
  for (const operation of world.operations) {
    const { sample, ask } = requestFor(operation);
    if (operation.body) {
      for (const type of types) {
        const headers = { ...ask.headers, "Content-Type": type };
        await expectRefused(
          operation,
          sample.path,
          { ...ask, headers },
          { status: 415, what: `it is ${type}` },
        );
      }
    }
    const headers = { ...ask.headers, "Content-Encoding": "gzip" };
    await expectRefused(
      operation,
      sample.path,
      { ...ask, headers },
      { status: 415, what: "it is compressed" },
    );
  }
});

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"];

test("a method that an address does not have is refused, and told which ones it has", async () => {
  for (const operation of world.operations) {
    const { sample } = requestFor(operation);
    const known = operationsAt(world.operations, sample.path).map(({ method }) => method);
    for (const method of METHODS.filter((name) => !known.includes(name))) {
      const answer = await world.ask({ ...operation, method }, sample.path, { token: alice.accessToken });
      expect(answer.status, `${method} ${operation.path}: ${answer.text}`).toBe(405);
      expect(faultsOf({ ...operation, method, codes: new Set(["method_not_allowed"]) }, answer)).toEqual([]);
      const allowed = answer.headers
        .get("Allow")
        ?.split(", ")
        .filter((name) => name !== "HEAD");
      expect(allowed?.sort(), operation.path).toEqual([...new Set(known)].sort());
    }
  }
});

test("there is nothing beside the addresses of the documents", async () => {
  for (const { service, path } of world.operations) {
    for (const beside of [`${path}/`, `${path}/x`, `/${path}`, path.toUpperCase()]) {
      const answer = await world.ask(
        { service, method: "GET" },
        beside.replaceAll(/\{\w+\}/g, alice.accountId),
        {
          token: alice.accessToken,
        },
      );
      expect([404, 405, 400], `${beside}: ${answer.text}`).toContain(answer.status);
    }
  }
});
