// The bus contract while processes are killed: a consumer, and the broker.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { retryForever } from "@sotto/platform/bus/backoff";
import { expect, vi } from "vitest";
import { type BusHarness, idsOf, makeEvents, PATIENT, publishForSure, TYPE } from "./bus-harness.ts";

async function killConsumer(harness: BusHarness): Promise<void> {
  const { consumer, topology, publisher } = harness.setUp();
  const script = fileURLToPath(new URL("./bus-stuck-consumer.ts", import.meta.url));
  const settings = JSON.stringify({ ...harness.broker.consumer, consumer, type: TYPE });
  const stuck = spawn(process.execPath, [script, settings], { stdio: ["ignore", "pipe", "inherit"] });
  const holding = new Promise((resolve) => stuck.stdout.once("data", resolve));
  const events = makeEvents(1);
  await publishForSure(publisher, events);
  await holding;
  stuck.kill("SIGKILL");
  const seen = harness.collect(topology, consumer);
  await vi.waitFor(() => expect([...seen]).toEqual(idsOf(events)), PATIENT);
}

async function killRightAfterConfirmation(harness: BusHarness): Promise<void> {
  const { consumer, topology, publisher } = harness.setUp();
  const seen = harness.collect(topology, consumer);
  const first = makeEvents(400);
  await publishForSure(publisher, first);
  await harness.broker.kill9();
  await expect(publisher.publish(makeEvents(1))).rejects.toThrow();
  await expect(publisher.check()).rejects.toThrow();
  await harness.broker.restart();
  const second = makeEvents(10);
  await publishForSure(publisher, second);
  const all = new Set(idsOf([...first, ...second]));
  await vi.waitFor(() => expect(seen).toEqual(all), PATIENT);
  await vi.waitFor(() => publisher.check(), PATIENT);
}

const BATCHES = 60;

async function killInTheMiddle(harness: BusHarness): Promise<void> {
  const { consumer, topology, publisher } = harness.setUp();
  const seen = harness.collect(topology, consumer);
  const batches = Array.from({ length: BATCHES }, () => makeEvents(50));
  let confirmed = 0;
  const publishing = (async () => {
    for (const batch of batches) {
      await retryForever(() => publisher.publish(batch), {
        firstMs: 50,
        maxMs: 500,
        signal: new AbortController().signal,
        onError: () => undefined,
      });
      confirmed++;
    }
  })();
  await vi.waitFor(() => expect(confirmed).toBeGreaterThan(5), PATIENT);
  await harness.broker.kill9();
  expect(confirmed).toBeLessThan(BATCHES);
  await harness.broker.restart();
  await publishing;
  const all = new Set(idsOf(batches.flat()));
  await vi.waitFor(() => expect(seen.size).toBe(all.size), PATIENT);
  expect(seen).toEqual(all);
}

async function turnRedAndGreen(harness: BusHarness): Promise<void> {
  const { consumer, topology } = harness.setUp();
  const bus = harness.consume(topology, consumer, async () => undefined);
  await vi.waitFor(() => bus.check(), PATIENT);
  await harness.broker.kill9();
  await vi.waitFor(() => expect(bus.check()).rejects.toThrow(), PATIENT);
  await harness.broker.restart();
  await vi.waitFor(() => bus.check(), PATIENT);
}

/** Guarantee to test. */
export const outageCases: Readonly<Record<string, (harness: BusHarness) => Promise<void>>> = {
  "gives the events of a consumer that was killed to another": killConsumer,
  "keeps what was confirmed when the broker is killed at once, and comes back by itself":
    killRightAfterConfirmation,
  "loses nothing when the broker is killed while events are published and consumed": killInTheMiddle,
  "says whether the broker answers and its consumers are attached": turnRedAndGreen,
};
