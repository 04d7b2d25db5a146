import { expect, test } from "vitest";
import { RETRY_DELAYS_SECONDS } from "./create-bus.ts";
import { retryLimitFor } from "./pg-boss-retries.ts";
import { retryLanesMs } from "./retry-lanes.ts";

const MINUTES = 60;
const sum = (delays: readonly number[]): number => delays.reduce((total, delay) => total + delay, 0);

test("pg-boss repeats for at least as long as RabbitMQ", () => {
  const limit = retryLimitFor(RETRY_DELAYS_SECONDS);
  const shortest = Array.from({ length: limit }, (_, index) => Math.min(600, 2 ** index));
  expect(sum(shortest)).toBeGreaterThanOrEqual(sum(RETRY_DELAYS_SECONDS));
  expect(sum(shortest.slice(0, -1))).toBeLessThan(sum(RETRY_DELAYS_SECONDS));
  expect(retryLimitFor([1, 1])).toBe(2);
  expect(retryLimitFor([])).toBe(0);
});

test("an event whose consumer fails for ten minutes is not given up, however chance has it", () => {
  const shortest = RETRY_DELAYS_SECONDS.map((delay) => Math.min(...retryLanesMs(delay)) / 1000);
  expect(sum(shortest)).toBeGreaterThan(30 * MINUTES);
});
