import { expect, test } from "vitest";
import { createLedger } from "./ledger.ts";

function createWorld() {
  let nowMs = 0;
  const ledger = createLedger(() => nowMs);
  return {
    ledger,
    pass: (ms: number) => {
      nowMs += ms;
    },
    send: (id: string, recipient = 1) => ledger.sent(id, recipient, nowMs),
  };
}

test("a message that was acknowledged and never delivered is lost", () => {
  const { ledger, send } = createWorld();
  send("a");
  send("b");
  ledger.acked("a");
  ledger.acked("b");
  ledger.delivered("b", 1);
  expect(ledger.undelivered()).toBe(1);
  expect(ledger.figures()).toMatchObject({ ackedInAll: 2, lost: 1, doubled: 0, faults: [] });
});

test("a message that is delivered before it is acknowledged is not lost", () => {
  const { ledger, send } = createWorld();
  send("a");
  ledger.delivered("a", 1);
  ledger.acked("a");
  expect(ledger.undelivered()).toBe(0);
});

test("a second delivery is counted as doubled and does not make up for a lost message", () => {
  const { ledger, send } = createWorld();
  send("a");
  send("b");
  ledger.acked("a");
  ledger.acked("b");
  ledger.delivered("a", 1);
  ledger.delivered("a", 1);
  expect(ledger.figures()).toMatchObject({ lost: 1, doubled: 1 });
});

test("a delivery to another device, of an unknown message, and a second answer are faults", () => {
  const { ledger, send } = createWorld();
  send("a", 1);
  ledger.delivered("a", 2);
  ledger.delivered("z", 1);
  ledger.acked("a");
  ledger.acked("a");
  expect(ledger.figures().faults).toHaveLength(3);
});

test("only what is sent within the measured time counts for its latencies, wherever it ends", () => {
  const { ledger, pass, send } = createWorld();
  send("warm-up");
  ledger.beginMeasuring();
  pass(500);
  ledger.acked("warm-up");
  ledger.delivered("warm-up", 1);
  send("measured");
  pass(30);
  ledger.acked("measured");
  ledger.endMeasuring();
  pass(50);
  ledger.delivered("measured", 1);
  const { acked, ack, delivered, measuredSeconds } = ledger.figures();
  expect(acked).toBe(2);
  expect(measuredSeconds).toBe(0.53);
  expect(ack).toEqual({ p50Ms: 30, p99Ms: 30, maxMs: 30 });
  expect(delivered).toEqual({ p50Ms: 80, p99Ms: 80, maxMs: 80 });
});
