import { limits } from "@sotto/contracts/limits";
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, startChatWorld } from "./chat-node-fixture.ts";

type Operation = {
  security?: unknown[];
  parameters?: { in: string; name: string; required?: boolean }[];
  requestBody?: { required?: boolean };
  responses: Record<string, unknown>;
};
type Route = { method: string; path: string; operation: Operation };

let world: ChatWorld;
let node: ChatNode;
let resident: Resident;
let routes: Route[];

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
  resident = (await world.people(1))[0] as Resident;
  const document = await (await fetch(`${node.url}/openapi.json`)).json();
  routes = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
      })),
  );
});
afterAll(() => world.close());

/** An address of the route, with ids that exist nowhere. */
const addressOf = ({ path }: Route) => `${node.url}${path.replaceAll(/\{[^}]+\}/g, () => v7())}`;

async function call(route: Route, init: { headers?: Record<string, string>; body?: string } = {}) {
  const response = await fetch(addressOf(route), { method: route.method, ...init });
  return {
    status: response.status,
    headers: response.headers,
    body: await response.json().catch(() => undefined),
  };
}

async function goodHeaders(): Promise<Record<string, string>> {
  return {
    Authorization: `Bearer ${await world.token(resident)}`,
    [DEVICE_HEADER]: resident.deviceId,
    "Content-Type": "application/json",
  };
}

/** Runs `check` on every route that `applies`; the message names the route. */
async function onEvery(
  applies: (route: Route) => boolean,
  check: (route: Route, name: string) => Promise<void>,
) {
  const chosen = routes.filter(applies);
  expect(chosen.length).toBeGreaterThan(0);
  for (const route of chosen) await check(route, `${route.method} ${route.path}`);
}

const everyRoute = () => true;
const withBody = ({ operation }: Route) => operation.requestBody !== undefined;

function expectProblem(answer: Awaited<ReturnType<typeof call>>, status: number, code: string, name: string) {
  expect({ status: answer.status, code: answer.body?.code }, name).toEqual({ status, code });
  expect(answer.headers.get("content-type"), name).toContain("application/problem+json");
  expect(answer.body, name).toMatchObject({
    status,
    type: `urn:sotto:error:${code}`,
    requestId: expect.any(String),
  });
}

describe("every route of the document", () => {
  test("is there: devices, prekeys, conversations, messages, the inbox, contacts, blocks, settings and the export", () => {
    const paths = new Set(routes.map(({ path }) => path));
    expect([...paths].sort()).toEqual(
      expect.arrayContaining([
        "/api/chat/conversations",
        "/api/chat/conversations/direct/{accountId}",
        "/api/chat/devices",
        "/api/chat/inbox",
        "/api/chat/inbox/acknowledgements",
        "/api/chat/inbox/gap-acknowledgements",
        "/api/chat/messages",
        "/api/chat/contacts",
        "/api/chat/contacts/{accountId}",
        "/api/chat/blocks",
        "/api/chat/blocks/{accountId}",
        "/api/chat/settings/privacy",
        "/api/chat/export",
      ]),
    );
  });

  test("answers 401 without a token, with a bad one and with an expired one, and says so in the document", async () => {
    const expired = await world.tokens.sign(resident.accountId, resident.sessionId, { lifetimeSeconds: -1 });
    await onEvery(everyRoute, async (route, name) => {
      expect(route.operation.security, name).toBeDefined();
      expect(Object.keys(route.operation.responses), name).toContain("401");
      expectProblem(await call(route), 401, "unauthenticated", name);
      const headers = { [DEVICE_HEADER]: resident.deviceId };
      const garbage = await call(route, { headers: { ...headers, Authorization: "Bearer a.b.c" } });
      expectProblem(garbage, 401, "unauthenticated", name);
      expect(garbage.headers.get("www-authenticate"), name).toBe("Bearer");
      const late = await call(route, { headers: { ...headers, Authorization: `Bearer ${expired}` } });
      expectProblem(late, 401, "token_expired", name);
    });
  });

  test("with a body answers 400 to what is no JSON and to what has the wrong shape, never 500", async () => {
    const headers = await goodHeaders();
    await onEvery(withBody, async (route, name) => {
      for (const body of [
        "",
        "{",
        "null",
        "[]",
        "5",
        '"text"',
        '{"__proto__":{},"unknown":{}}',
        '{"unknown":1}',
      ]) {
        const answer = await call(route, { headers, body });
        expectProblem(answer, 400, "bad_request", `${name} ${body}`);
      }
    });
  });

  test("with a body answers 413 to one that is too large, before it reads it", async () => {
    const headers = await goodHeaders();
    await onEvery(withBody, async (route, name) => {
      const answer = await call(route, { headers, body: `{"a":"${"x".repeat(limits.frameBytes)}"}` });
      expectProblem(answer, 413, "payload_too_large", name);
    });
  });

  test("that acts as a device answers 400 without the device's header, 404 for a foreign device, 401 for an unproven one", async () => {
    const headers = await goodHeaders();
    const [other] = (await world.people(1)) as [Resident];
    const actsAsDevice = ({ operation }: Route) =>
      (operation.parameters ?? []).some(
        (parameter) => parameter.in === "header" && parameter.name === DEVICE_HEADER,
      );
    await onEvery(actsAsDevice, async (route, name) => {
      const { [DEVICE_HEADER]: _, ...without } = headers;
      const body = withBody(route) ? { body: "{}" } : {};
      expectProblem(await call(route, { headers: without, ...body }), 400, "bad_request", name);
      const foreign = { ...headers, [DEVICE_HEADER]: other.deviceId };
      expectProblem(await call(route, { headers: foreign, ...body }), 404, "not_found", name);
      const token = await world.tokens.sign(resident.accountId, v7());
      const unproven = { ...headers, Authorization: `Bearer ${token}` };
      expectProblem(await call(route, { headers: unproven, ...body }), 401, "device_unproven", name);
    });
  });

  test("answers 405 or 404 to a method it does not have, not 500", async () => {
    const headers = await goodHeaders();
    await onEvery(everyRoute, async (route, name) => {
      const methods = routes.filter(({ path }) => path === route.path).map(({ method }) => method);
      const absent = ["PATCH", "POST"].find((method) => !methods.includes(method)) as string;
      const answer = await call({ ...route, method: absent }, { headers, body: "{}" });
      expect([404, 405], name).toContain(answer.status);
    });
  });

  test("documents every error that it is seen to answer", async () => {
    const headers = await goodHeaders();
    await onEvery(everyRoute, async (route, name) => {
      const answer = await call(route, { headers, ...(withBody(route) && { body: "{}" }) });
      expect(Object.keys(route.operation.responses), `${name} answered ${answer.status}`).toContain(
        String(answer.status),
      );
    });
  });
});

describe("a page", () => {
  test.each(["/conversations", "/inbox", "/contacts", "/blocks"])(
    "of %s answers 400 to a limit that is none",
    async (path) => {
      const headers = await goodHeaders();
      for (const limit of [
        "-5",
        "0",
        "abc",
        "1.5",
        "1e9",
        "999999999999999999999",
        "",
        "NaN",
        "1;drop table",
        "%00",
      ]) {
        const response = await fetch(`${node.url}/api/chat${path}?limit=${limit}`, { headers });
        expect({ limit, status: response.status }).toEqual({ limit, status: 400 });
        expect(await response.json()).toMatchObject({
          code: "bad_request",
          issues: expect.arrayContaining([expect.objectContaining({ path: "limit" })]),
        });
      }
    },
  );

  test.each([
    ["words", "garbage"],
    ["nothing", ""],
    ["a zero byte", "\u0000"],
    ["a wrong digit", "00000000-0000-0000-0000-00000000000G"],
    ["a long text", "x".repeat(5000)],
    ["SQL", "' or 1=1"],
  ])("after a cursor of %s answers 400", async (_what, after) => {
    const url = `${node.url}/api/chat/conversations?after=${encodeURIComponent(after)}`;
    expect((await fetch(url, { headers: await goodHeaders() })).status).toBe(400);
  });

  test("answers 400 to a query that nobody asked for", async () => {
    const response = await fetch(`${node.url}/api/chat/conversations?offset=5`, {
      headers: await goodHeaders(),
    });
    expect(response.status).toBe(400);
  });
});

describe("conversations", () => {
  const open = async (accountId: string, as = resident) =>
    fetch(`${node.url}/api/chat/conversations/direct/${accountId}`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${await world.token(as)}` },
    });

  test("opened by both sides at once many times are one and the same", async () => {
    const [alice, bob] = (await world.people(2)) as [Resident, Resident];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0 ? open(bob.accountId, alice) : open(alice.accountId, bob),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(bodies).size).toBe(1);
    expect(JSON.parse(bodies[0] ?? "").members.toSorted()).toEqual([alice.accountId, bob.accountId].sort());
  });

  test("cannot be opened with oneself, with nobody, or with what is no id", async () => {
    expect((await open(resident.accountId)).status).toBe(400);
    expect((await open(v7())).status).toBe(404);
    expect((await open("not-an-id")).status).toBe(400);
    expect((await open(resident.accountId.toUpperCase())).status).toBe(400);
  });

  test("are listed page by page, newest first, each once, and to their members only", async () => {
    const [alice, ...friends] = (await world.people(8)) as [Resident, ...Resident[]];
    const made: string[] = [];
    for (const friend of friends) made.push(await world.talk(alice, friend));
    const [first, second] = friends as [Resident, Resident];
    await world.talk(first, second);
    const listed: string[] = [];
    let after: string | null | undefined;
    do {
      const query: string = after ? `limit=3&after=${after}` : "limit=3";
      const response = await fetch(`${node.url}/api/chat/conversations?${query}`, {
        headers: { Authorization: `Bearer ${await world.token(alice)}` },
      });
      const page = await response.json();
      listed.push(...page.conversations.map((each: { conversationId: string }) => each.conversationId));
      after = page.next;
    } while (after);
    expect(listed).toEqual(made.toReversed());
  });
});

test("the health of the node is green, and its metrics are there", async () => {
  expect((await fetch(`${node.url}/health/live`)).status).toBe(200);
  expect(await (await fetch(`${node.url}/health/ready`)).json()).toMatchObject({
    checks: { database: "ok" },
  });
  expect(await (await fetch(`${node.url}/metrics`)).text()).toContain("process_cpu");
});
