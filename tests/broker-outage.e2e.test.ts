import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createClient, memoryStore } from "@sotto/client";
import type { TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Of each of the four people, one every PACE_MS. */
const MESSAGES = 15;
const PACE_MS = 100;
const PATIENT = { timeout: 60_000, interval: 200 };
/** They speak with the broker; the user service writes into the outbox only. */
const PARTS = ["relay", "notification", "chat-1", "chat-2"];

let broker: TestRabbitmq;
let smtp: TestSmtp;
let stack: Stack;
beforeAll(async () => {
  [broker, smtp] = await Promise.all([useRabbitmq(), startSmtp()]);
  stack = await startStack({ env: { MESSAGE_BROKER_URL: broker.url, SMTP_URL: smtp.url } });
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await smtp?.stop();
  await broker?.stop();
});

async function ask(part: string, path: string): Promise<Response> {
  const url = stack.runFile().parts.find(({ name }) => name === part)?.url;
  return fetch(`${url}${path}`);
}

async function becomes(status: number): Promise<void> {
  const seen = () => Promise.all(PARTS.map(async (part) => (await ask(part, "/health/ready")).status));
  await expect.poll(seen, PATIENT).toEqual(PARTS.map(() => status));
}

const metricsOf = async (part: string) => (await ask(part, "/metrics")).text();

/** How many welcome mails each address got. */
function welcomes(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { messageId, to } of smtp.mails) {
    const address = to?.[0]?.address ?? "";
    if (messageId?.includes(".welcome@")) counts[address] = (counts[address] ?? 0) + 1;
  }
  return counts;
}

async function register(username: string) {
  const client = await createClient({ url: stack.url, store: memoryStore() });
  await client.register({ username, email: `${username}@example.org`, password: "a long enough password" });
  return client;
}

type Person = Awaited<ReturnType<typeof register>>;

async function hear(person: Person, count: number): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for await (const { text } of person.messages()) if (texts.push(text) === count) break;
  return texts;
}

/** Sends, and is answered, as if nothing was the matter. */
async function talk(person: Person, to: string, texts: readonly string[]): Promise<void> {
  const conversation = await person.conversations.direct(to);
  const answers: Promise<unknown>[] = [];
  for (const text of texts) {
    answers.push((await conversation.send({ text })).accepted);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  await Promise.all(answers);
}

const textsOf = (name: string) => Array.from({ length: MESSAGES }, (_, index) => `${name} says ${index}`);

test("people register and chat on while the broker is dead; health says so, and afterwards everything has happened once", async () => {
  const [alice, bob] = await Promise.all([register("alice"), register("bob")]);
  await expect.poll(welcomes, PATIENT).toEqual({ "alice@example.org": 1, "bob@example.org": 1 });
  await broker.kill9();
  await becomes(503);

  const [carol, dave] = await Promise.all([register("carol"), register("dave")]);
  const people = { alice, bob, carol, dave };
  const partners = { alice: "bob", bob: "alice", carol: "dave", dave: "carol" } as const;
  const heard = Object.values(people).map((person) => hear(person, MESSAGES));
  await Promise.all(
    Object.entries(partners).map(([name, to]) =>
      talk(people[name as keyof typeof people], to, textsOf(name)),
    ),
  );
  // Each of them, in order, while the broker is still dead.
  expect(await Promise.all(heard)).toEqual(Object.values(partners).map(textsOf));
  expect(Object.keys(welcomes())).toHaveLength(2);
  expect(await metricsOf("relay")).not.toContain("sotto_outbox_rows 0\n");

  await broker.restart();
  await becomes(200);
  const erin = await register("erin");
  const once = Object.fromEntries([...Object.keys(people), "erin"].map((name) => [`${name}@example.org`, 1]));
  await expect.poll(welcomes, PATIENT).toEqual(once);
  await expect.poll(() => metricsOf("relay"), PATIENT).toContain("sotto_outbox_rows 0\n");
  expect(await metricsOf("notification")).toContain('sotto_bus_dead_letters{consumer="notification"} 0\n');
  expect(await metricsOf("chat-1")).toContain('sotto_bus_dead_letters{consumer="chat"} 0\n');
  expect(welcomes()).toEqual(once);
  await Promise.all([...Object.values(people), erin].map((person) => person.close()));
});

/** The example of docs/events.md, run as it stands there. */
async function startExample(): Promise<{ heard(): string; stop(): void }> {
  const page = readFileSync(new URL("../docs/events.md", import.meta.url), "utf8");
  const program = /```js\n([\s\S]+?)```/.exec(page)?.[1] ?? "";
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    // Where the library that it imports is found.
    cwd: new URL("../packages/platform", import.meta.url),
    env: { PATH: process.env.PATH, MESSAGE_BROKER_URL: broker.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { heard: () => said, stop: () => child.kill("SIGKILL") };
}

test("a program of an integrator hears what happens, as the page on events says", async () => {
  const example = await startExample();
  try {
    // Its queue gets what is published once it is bound: people register until it has heard of one.
    let people = 0;
    const whatIsSaid = async () => {
      people += 1;
      await (await register(`integrated_${people}`)).close();
      return example.heard();
    };
    await expect.poll(whatIsSaid, PATIENT).toMatch(/^user\.account-registered [0-9a-f-]{36}$/m);
  } finally {
    example.stop();
  }
});
