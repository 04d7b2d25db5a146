// Every limit that an operation says it has, by an installation whose limits let nothing through but the first try.
import { faultsOf } from "@sotto/testkit/contract-answers";
import { sampleRequest } from "@sotto/testkit/contract-samples";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatLimits } from "../services/chat/src/limits.ts";
import { notificationLimits } from "../services/notification/src/limits.ts";
import { userLimits } from "../services/user/src/limits.ts";
import { type ContractWorld, PASSWORD, parametersOf, startContractWorld } from "./contract-world.ts";

const lowest = (rules: object, free: readonly string[], changed: object = {}): string =>
  JSON.stringify({
    ...Object.fromEntries(
      Object.keys(rules).map((name) => [name, free.includes(name) ? "off" : { burst: 1, perMinute: 0.01 }]),
    ),
    ...changed,
  });

/** Whoever joins has asked the chat service for a device already. */
const ONE_MORE = { "request.account": { burst: 2, perMinute: 0.01 } };

/** With the limits of `free` switched off: what stands in front of the limits that are looked at. */
async function startLowest(free: readonly string[]): Promise<ContractWorld> {
  return startContractWorld({
    userLimits: lowest(userLimits, free),
    chatLimits: lowest(chatLimits, free, ONE_MORE),
    notificationLimits: lowest(notificationLimits, free),
  });
}

/**
 * Limits behind something that a sample cannot have, such as a challenge or a signature: whoever has it not uses nothing
 * up. They have tests of their own, beside the use cases.
 */
const BEHIND_PROOF: ReadonlySet<string> = new Set([
  "POST /api/user/sign-in/second-factor",
  "POST /api/chat/devices",
  "DELETE /api/chat/devices/{deviceId}",
  "PUT /api/chat/devices/{deviceId}/session",
  "POST /api/chat/accounts/{accountId}/prekeys",
]);

/** Without which nobody could be registered for the others. */
const REGISTER = "POST /api/user/register";

let world: ContractWorld;
beforeAll(async () => {
  world = await startLowest(["register.address"]);
});
afterAll(() => world.close());

test("every operation that says so turns away whoever comes too often, and says for how long", {
  timeout: 60_000,
}, async () => {
  const limited = world.operations.filter(
    ({ codes, name }) => codes.has("rate_limited") && !BEHIND_PROOF.has(name) && name !== REGISTER,
  );
  expect(limited.length).toBeGreaterThan(15);
  const unlimited: string[] = [];
  for (const [number, operation] of limited.entries()) {
    const person = await world.join(`person_${number}`);
    const sample = sampleRequest(operation, parametersOf(person));
    const token = operation.isSecured ? { token: person.accessToken } : {};
    const statuses: number[] = [];
    // Joining may have taken the first already; where nothing is limited, in the other contract tests, none is refused so.
    for (let turn = 0; turn < 4 && !statuses.includes(429); turn += 1) {
      const answer = await world.ask(operation, sample.path, { ...token, ...sample });
      expect(faultsOf(operation, answer), `${operation.name}: ${answer.text}`).toEqual([]);
      statuses.push(answer.status);
    }
    if (!statuses.includes(429)) unlimited.push(`${operation.name}: ${statuses}`);
  }
  expect(unlimited).toEqual([]);
});

test("the limit of all requests of an account is one account's own, and holds for whatever it asks for", async () => {
  const [greedy, other] = [await world.join("greedy"), await world.join("other")];
  const secured = world.operations.filter(({ service, isSecured }) => service === "user" && isSecured);
  const [first] = secured;
  if (!first) throw new Error("nothing is for callers");
  await world.ask(first, "/api/user/me", { token: greedy.accessToken });
  for (const operation of secured) {
    const sample = sampleRequest(operation, parametersOf(greedy));
    const answer = await world.ask(operation, sample.path, { token: greedy.accessToken, ...sample });
    expect(answer.status, operation.name).toBe(429);
  }
  expect(
    (await world.ask({ service: "user", method: "GET" }, "/api/user/me", { token: other.accessToken }))
      .status,
  ).toBe(200);
});

test("of registrations from one address the second is turned away", async () => {
  const fresh = await startLowest([]);
  const register = fresh.operations.find(({ name }) => name === REGISTER);
  if (!register) throw new Error("nobody can register");
  const statuses: number[] = [];
  for (const username of ["first", "second"]) {
    const body = { username, email: "a@example.org", password: PASSWORD };
    const answer = await fresh.ask(register, register.path, { body });
    expect(faultsOf(register, answer)).toEqual([]);
    statuses.push(answer.status);
  }
  expect(statuses).toEqual([201, 429]);
  await fresh.close();
});
