import fc from "fast-check";
import { expect, test } from "vitest";
import { pickLaneMs, retryLanesMs } from "./retry-lanes.ts";

test("events that failed together come again at three different times around the delay", () => {
  expect(retryLanesMs(120)).toEqual([90_000, 120_000, 150_000]);
  const taken = [0, 0.2, 0.34, 0.6, 0.67, 0.999].map((chance) => pickLaneMs(120, () => chance));
  expect(taken).toEqual([90_000, 90_000, 120_000, 120_000, 150_000, 150_000]);
});

test("whatever the chance, the time is one that has a queue", () => {
  const delays = fc.integer({ min: 1, max: 86_400 });
  const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(delays, chances, (delay, chance) => {
      expect(retryLanesMs(delay)).toContain(pickLaneMs(delay, () => chance));
    }),
  );
});
