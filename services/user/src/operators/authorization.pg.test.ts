import { randomUUID } from "node:crypto";
import { FRESH_SECONDS } from "@sotto/contracts/access-token";
import type { OperatorRole } from "@sotto/contracts/operator-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, startOperatorWorld } from "./operator-world-fixture.ts";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld();
});
afterAll(() => world.close());

type By = "none" | OperatorRole;
const roles: By[] = ["none", "auditor", "moderator", "administrator"];

/** Each operation on somebody without a role, and how it is answered to each role. */
const operations: Record<
  string,
  { does: (by: By, targetId: string) => Promise<Response>; answers: number[] }
> = {
  "list accounts": { does: (by) => world.get(world.people[by], "/accounts"), answers: [404, 200, 200, 200] },
  "see an account": {
    does: (by, id) => world.get(world.people[by], `/accounts/${id}`),
    answers: [404, 200, 200, 200],
  },
  "read an audit log": {
    does: (by, id) => world.get(world.people[by], `/accounts/${id}/audit`),
    answers: [404, 200, 200, 200],
  },
  suspend: {
    does: (by, id) => world.act(world.people[by], id, "suspend"),
    answers: [404, 403, 200, 200],
  },
  restore: {
    does: (by, id) => world.act(world.people[by], id, "restore"),
    answers: [404, 403, 200, 200],
  },
  "revoke sessions": {
    does: (by, id) => world.act(world.people[by], id, "revoke-sessions"),
    answers: [404, 403, 200, 200],
  },
  "reset the second factor": {
    does: (by, id) => world.act(world.people[by], id, "reset-second-factor"),
    answers: [404, 403, 403, 200],
  },
  "change a role": {
    does: (by, id) => world.act(world.people[by], id, "role", { role: "auditor" }),
    answers: [404, 403, 403, 200],
  },
  "rotate keys": { does: (by) => world.rotate(world.people[by]), answers: [404, 403, 403, 200] },
};

const table = Object.entries(operations).flatMap(([name, { does, answers }]) =>
  roles.map((by, index) => ({ name, by, does, answer: answers[index] ?? 0 })),
);

describe("what each role may do", () => {
  test.each(table)("$by: $name: $answer", async ({ does, by, answer }) => {
    const target = await world.newPerson();
    const response = await does(by, target.accountId);
    const text = await response.text();
    expect(response.status, text).toBe(answer);
    if (answer === 404) expect(JSON.parse(text).detail).toBe("There is nothing at this address.");
    if (answer >= 400) {
      const audited = await world.audit(target.accountId);
      expect(audited.filter(({ type }) => type.startsWith("operator-"))).toEqual([]);
      expect((await world.user.get("/me", { token: target.accessToken })).status).toBe(200);
    }
  });
});

/** Whom each role may act on, by the role of the one who is acted upon. */
const targets = [
  ["moderator", "auditor", 200],
  ["moderator", "moderator", 403],
  ["moderator", "administrator", 403],
  ["administrator", "auditor", 200],
  ["administrator", "moderator", 200],
  ["administrator", "administrator", 200],
] as const;

test.each(targets)("a %s who acts on a %s gets %i", async (by, role, answer) => {
  for (const action of ["suspend", "restore", "revoke-sessions"]) {
    const target = await world.newPerson(role);
    expect((await world.act(world.people[by], target.accountId, action)).status, action).toBe(answer);
  }
});

test("nobody acts on the own account, whatever the role", async () => {
  for (const by of ["moderator", "administrator"] as const) {
    const person = world.people[by];
    for (const action of ["suspend", "restore", "revoke-sessions", "reset-second-factor", "role"]) {
      const response = await world.act(
        person,
        person.accountId,
        action,
        action === "role" ? { role: null } : {},
      );
      expect(response.status, `${by} ${action}`).toBe(403);
    }
    expect((await world.user.get("/me", { token: person.accessToken })).status).toBe(200);
  }
});

test("to whoever is no operator every admin path looks like none, however the request is formed", async () => {
  const { none } = world.people;
  const nowhere = await world.user.get("/nothing", { token: none.accessToken });
  const { requestId: _, ...expected } = (await nowhere.json()) as Record<string, unknown>;
  const id = none.accountId;
  const requests = [
    () => world.get(none, "/accounts?limit=abc"),
    () => world.get(none, "/accounts/no-id"),
    () => world.get(none, `/accounts/${id}/audit?after=x`),
    () => world.act(none, "no-id", "suspend"),
    () => world.act(none, id, "suspend", { reason: "" }),
    () => world.act(none, id, "role", { role: "king" }),
    () => world.user.post(`/admin/accounts/${id}/suspend`, { token: none.accessToken, body: "{" }),
    () => world.rotate(none, { revoke: "yes" }),
  ];
  for (const request of requests) {
    const response = await request();
    const { requestId, ...body } = (await response.json()) as Record<string, unknown>;
    expect(requestId).toBeDefined();
    expect({ status: response.status, body }).toEqual({ status: 404, body: expected });
  }
});

test("a role that was taken away is gone with the next request of the same token", async () => {
  const operator = await world.newPerson("administrator");
  const target = await world.newPerson();
  expect((await world.act(operator, target.accountId, "suspend")).status).toBe(200);
  const taken = await world.act(world.people.administrator, operator.accountId, "role", { role: null });
  expect(taken.status).toBe(200);
  expect((await world.act(operator, target.accountId, "restore")).status).toBe(404);
  expect((await world.get(operator, "/accounts")).status).toBe(404);
});

test("changes ask for a fresh proof, reading does not; a suspended operator does neither", async () => {
  const operator = await world.newPerson("administrator");
  const target = await world.newPerson();
  world.user.clock.advance(FRESH_SECONDS + 1);
  for (const action of ["suspend", "restore", "revoke-sessions", "reset-second-factor", "role"]) {
    const response = await world.act(
      operator,
      target.accountId,
      action,
      action === "role" ? { role: null } : {},
    );
    expect(await response.json(), action).toMatchObject({ status: 403, code: "reauthentication_required" });
  }
  expect(await (await world.rotate(operator)).json()).toMatchObject({ code: "reauthentication_required" });
  expect((await world.get(operator, "/accounts")).status).toBe(200);
  const other = await world.newPerson("administrator");
  expect((await world.act(other, operator.accountId, "suspend")).status).toBe(200);
  expect((await world.get(operator, "/accounts")).status).toBe(401);
});

test("what is no account, no reason or no role is refused", async () => {
  const by = await world.newPerson("administrator");
  const target = await world.newPerson();
  const statusOf = async (request: Promise<Response>) => (await request).status;
  expect(await statusOf(world.act(by, randomUUID(), "suspend"))).toBe(404);
  expect(await statusOf(world.get(by, `/accounts/${randomUUID()}`))).toBe(404);
  expect(await statusOf(world.get(by, `/accounts/${randomUUID()}/audit`))).toBe(404);
  for (const reason of ["", "   ", "a\u0000b", "a\nb", "\ud800", "x".repeat(501), 1, null]) {
    expect(await statusOf(world.act(by, target.accountId, "suspend", { reason }))).toBe(400);
  }
  for (const role of ["king", "", "__proto__", 1, undefined]) {
    expect(await statusOf(world.act(by, target.accountId, "role", { role }))).toBe(400);
  }
  for (const query of ["limit=0", "limit=-5", "limit=abc", "state=gone", "after=%25", "prefix=%25", "x=1"]) {
    expect(await statusOf(world.get(by, `/accounts?${query}`)), query).toBe(400);
  }
  expect((await world.user.get("/me", { token: target.accessToken })).status).toBe(200);
});
