import { createClient, memoryStore } from "@sotto/client";
import type { TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";

let broker: TestRabbitmq;
let stack: Stack;
beforeAll(async () => {
  broker = await useRabbitmq();
  stack = await startStack({ env: { MESSAGE_BROKER_URL: broker.url } });
});
afterAll(async () => {
  await stack.stop();
  stack.remove();
  await broker.stop();
});

async function readiness(part: string): Promise<number> {
  const url = stack.runFile().parts.find(({ name }) => name === part)?.url;
  const answer = await fetch(`${url}/health/ready`);
  await answer.body?.cancel();
  return answer.status;
}

async function mailTo(address: string): Promise<number> {
  const answer = await fetch(`${stack.url}/mail/api/messages`);
  return (await answer.text()).split(address).length - 1;
}

const open = () => createClient({ url: stack.url, store: memoryStore() });

test("people register and chat on while the broker is dead; health says so, and what happened is told afterwards", async () => {
  const alice = await open();
  await alice.register({ username: "alice", email: "alice@example.org", password: "a long enough password" });
  await broker.kill9();
  await expect.poll(() => readiness("relay"), { timeout: 20_000 }).toBe(503);

  const bob = await open();
  await bob.register({ username: "bob", email: "bob@example.org", password: "a long enough password" });
  const heard = bob.messages()[Symbol.asyncIterator]();
  const sent = await (await alice.conversations.direct("bob")).send({ text: "the broker is dead" });
  await sent.accepted;
  expect((await heard.next()).value?.text).toBe("the broker is dead");
  expect(await mailTo("bob@example.org")).toBe(0);

  await broker.restart();
  for (const part of ["relay", "notification", "chat-1"]) {
    await expect.poll(() => readiness(part), { timeout: 40_000 }).toBe(200);
  }
  await expect.poll(() => mailTo("bob@example.org"), { timeout: 40_000 }).toBeGreaterThan(0);
  await Promise.all([alice.close(), bob.close()]);
});
