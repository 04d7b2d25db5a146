import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Chatter, createChatter } from "@sotto/testkit/chatter";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Change it to replay a failure: everything random here follows from it. */
const SEED = Number(process.env.SOTTO_CHAOS_SEED ?? 20_260_101);
const ROUNDS = 24;
const VICTIMS = [
  "chat-1",
  "chat-2",
  "relay",
  "postgresql",
  "user",
  "notification",
  "gateway",
  "alice",
  "bob",
] as const;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
  stack.remove();
});

/** A small linear congruential generator (Numerical Recipes): the same seed gives the same run. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts a dead person again, as often as it takes while the services come back. */
async function revive(person: Chatter): Promise<void> {
  if (!person.isAlive) await person.start();
}

async function strike(victim: (typeof VICTIMS)[number], people: Record<string, Chatter>): Promise<void> {
  const person = people[victim];
  if (!person) return killPart(victim);
  await person.kill9();
  await revive(person);
}

/** A part that is just being started again has no process to kill; waits for it. */
async function killPart(name: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      stack.kill9(name);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(50);
    }
  }
}

const said = (person: Chatter, type: string) =>
  person.told.filter((each) => each.type === type).map(({ text }) => String(text));

/**
 * What both show at last. A person who is killed between queueing a message and telling so has promised nothing, and
 * yet the message arrives: enough messages at one side do not mean that the other side has them all.
 */
async function waitForHistories(people: readonly Chatter[], count: number): Promise<string[][]> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const histories = await Promise.all(people.map((person) => person.history()));
    const [first = [], ...others] = histories.map((texts) => texts.toSorted());
    const agree = first.length >= count && others.every((texts) => isDeepStrictEqual(texts, first));
    if (agree || performance.now() > deadline) return histories;
    await pause(200);
  }
}

test(`kill -9 of nodes, relay, PostgreSQL and clients at random moments loses nothing, doubles nothing, reorders nothing (seed ${SEED})`, async () => {
  const random = createRandom(SEED);
  const folder = path.dirname(stack.dataDir);
  const person = (name: string, other: string) =>
    createChatter({ url: stack.url, storePath: path.join(folder, `${name}.db`), name, other });
  const alice = person("alice", "bob");
  const bob = person("bob", "alice");
  await Promise.all([alice.start(), bob.start()]);
  let number = 0;
  const chat = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      number += 1;
      const speaker = random() < 0.5 ? alice : bob;
      speaker.say(`${speaker.name} ${number}`);
    }
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] as (typeof VICTIMS)[number];
    chat(3);
    await pause(random() * 120);
    await strike(victim, { alice, bob });
    chat(2);
    await pause(random() * 400);
  }
  const promised = [...said(alice, "queued"), ...said(bob, "queued")];
  const [atAlice = [], atBob = []] = await waitForHistories([alice, bob], promised.length);
  expect(promised.length, "enough was said").toBeGreaterThan(ROUNDS * 2);
  for (const texts of [atAlice, atBob]) {
    expect(
      texts.filter((text, index) => texts.indexOf(text) !== index),
      "shown twice",
    ).toEqual([]);
    expect(
      promised.filter((text) => !texts.includes(text)),
      "lost",
    ).toEqual([]);
    expect(
      texts.filter((text) => !/^(alice|bob) \d+$/.test(text)),
      "not readable",
    ).toEqual([]);
    for (const name of ["alice", "bob"]) {
      const numbers = texts.filter((text) => text.startsWith(name)).map((text) => Number(text.split(" ")[1]));
      expect(numbers, `the order of ${name}`).toEqual(numbers.toSorted((a, b) => a - b));
    }
  }
  expect(new Set(atAlice)).toEqual(new Set(atBob));
  const complaints = [alice, bob].flatMap(({ told }) =>
    told.filter(({ type }) => type === "refused" || type === "undecryptable"),
  );
  expect(complaints).toEqual([]);
  await Promise.all([alice.close(), bob.close()]);
}, 240_000);
