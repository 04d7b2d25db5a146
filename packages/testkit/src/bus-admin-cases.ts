// The bus contract for what a person does to the queues.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PoisonEventError } from "@sotto/platform/bus/bus";
import { expect, vi } from "vitest";
import {
  type BusHarness,
  idsOf,
  makeEvents,
  PATIENT,
  publishForSure,
  type TestEvent,
} from "./bus-harness.ts";

/** As many dead letters of a new consumer as wished. Nobody consumes any more. */
async function withDeadLetters(harness: BusHarness, count: number) {
  const { consumer, topology, publisher } = harness.setUp();
  const admin = harness.admin(topology);
  const events = makeEvents(count);
  const refusing = harness.consume(
    topology,
    consumer,
    async () => {
      throw new PoisonEventError("not now");
    },
    1,
  );
  // One after the other, so that they die in this order.
  for (let from = 0; from < count; from += 50) await publishForSure(publisher, events.slice(from, from + 50));
  const deadIds = async (): Promise<string[]> => idsOf(await admin.listDeadLetters(consumer, count + 1));
  await vi.waitFor(async () => expect(await deadIds()).toHaveLength(count), PATIENT);
  await refusing.close();
  return { consumer, topology, publisher, admin, events, deadIds };
}

async function redriveAll(harness: BusHarness): Promise<void> {
  const { consumer, topology, admin, events, deadIds } = await withDeadLetters(harness, 3);
  expect(await admin.redrive(consumer, { limit: 100 })).toBe(3);
  expect(await deadIds()).toEqual([]);
  const attempts = new Map<string, number[]>();
  harness.consume(topology, consumer, async ({ id }: TestEvent, { attempt }) => {
    attempts.set(id, [...(attempts.get(id) ?? []), attempt]);
    if (attempt === 1) throw new Error("the repetitions begin anew as well");
  });
  await vi.waitFor(() => expect(attempts).toEqual(new Map(idsOf(events).map((id) => [id, [1, 2]]))), PATIENT);
}

async function redriveSome(harness: BusHarness): Promise<void> {
  const { consumer, topology, admin, deadIds } = await withDeadLetters(harness, 6);
  const all = await deadIds();
  expect(await admin.redrive(consumer, { limit: 2 })).toBe(2);
  const [chosen, ...others] = await deadIds();
  expect(await admin.redrive(consumer, { limit: 100, id: chosen })).toBe(1);
  expect(await admin.redrive(consumer, { limit: 100, id: "of no event" })).toBe(0);
  expect((await deadIds()).sort()).toEqual(others.sort());
  expect(others).toHaveLength(3);
  const seen = harness.collect(topology, consumer);
  const moved = new Set(all.filter((id) => !others.includes(id)));
  await vi.waitFor(() => expect(seen).toEqual(moved), PATIENT);
}

async function killRedrive(harness: BusHarness): Promise<void> {
  const { consumer, topology, admin, events, deadIds } = await withDeadLetters(harness, 150);
  const script = fileURLToPath(new URL("./bus-redrive-process.ts", import.meta.url));
  const settings = JSON.stringify({ ...harness.broker.publisher, consumer, topology });
  const redriving = spawn(process.execPath, [script, settings], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => redriving.once("exit", resolve));
  const seen = new Set<string>();
  harness.consume(topology, consumer, async ({ id }) => {
    redriving.kill("SIGKILL");
    seen.add(id);
  });
  await ended;
  const all = new Set(idsOf(events));
  await vi.waitFor(async () => expect(new Set([...seen, ...(await deadIds())])).toEqual(all), PATIENT);
  await vi.waitFor(async () => {
    await admin.redrive(consumer, { limit: 1000 });
    expect(seen).toEqual(all);
    expect(await deadIds()).toEqual([]);
  }, PATIENT);
}

async function purge(harness: BusHarness): Promise<void> {
  const { consumer, topology, publisher, admin, deadIds } = await withDeadLetters(harness, 2);
  await publishForSure(publisher, makeEvents(3));
  const named = async (holds: string) => {
    const found = (await admin.listQueues()).filter((queue) => queue.holds === holds);
    expect(found.map((queue) => queue.consumer)).toEqual([consumer]);
    return found[0];
  };
  // Counts of a quorum queue come a moment after its messages.
  await vi.waitFor(async () => expect((await named("events"))?.waiting).toBe(3), PATIENT);
  expect((await named("dead letters"))?.waiting).toBe(2);
  expect(await admin.purge((await named("events"))?.name ?? "")).toBe(3);
  expect(await deadIds()).toHaveLength(2);
  expect(await admin.purge((await named("dead letters"))?.name ?? "")).toBe(2);
  expect(await deadIds()).toEqual([]);
  const seen = harness.collect(topology, consumer);
  const next = makeEvents(1);
  await publishForSure(publisher, next);
  await vi.waitFor(() => expect([...seen]).toEqual(idsOf(next)), PATIENT);
}

/** Guarantee to test. */
export const adminCases: Readonly<Record<string, (harness: BusHarness) => Promise<void>>> = {
  "moves dead letters back to their consumer, as if they had not been tried yet": redriveAll,
  "moves as many dead letters as asked for, or the one of an event, and leaves the others": redriveSome,
  "loses no dead letter when their moving is killed half way": killRedrive,
  "removes what waits in a queue, and nothing else": purge,
};
