import { expect, onTestFinished, test, vi } from "vitest";
import { backoffMs, pause, retryForever } from "./backoff.ts";

const BACKOFF = { firstMs: 200, maxMs: 5000 };
const TEN_MINUTES_MS = 600_000;

test("pauses double up to the longest, and stay there however often it failed", () => {
  const longest = (tries: number) => backoffMs(tries, { ...BACKOFF, random: () => 0.999_999 });
  expect([1, 2, 3, 4, 5, 6, 7].map(longest)).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  for (const tries of [100, 10_000, Number.MAX_SAFE_INTEGER]) expect(longest(tries)).toBe(5000);
  expect(backoffMs(9, { ...BACKOFF, random: () => 0 })).toBe(2500);
});

test("after ten minutes without success it still tries every few seconds, and ends with the first success", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let isAway = true;
  let tries = 0;
  const trying = retryForever(
    async () => {
      tries++;
      if (isAway) throw new Error("the broker is away");
    },
    { ...BACKOFF, signal: new AbortController().signal, onError: () => undefined },
  );
  await vi.advanceTimersByTimeAsync(TEN_MINUTES_MS);
  expect(tries).toBeGreaterThan(TEN_MINUTES_MS / BACKOFF.maxMs);
  const before = tries;
  isAway = false;
  await vi.advanceTimersByTimeAsync(BACKOFF.maxMs);
  await trying;
  expect(tries).toBe(before + 1);
});

test("a pause ends at once when it is aborted, before or after it began", async () => {
  const aborting = new AbortController();
  const waiting = pause(TEN_MINUTES_MS, aborting.signal);
  aborting.abort();
  await waiting;
  await pause(TEN_MINUTES_MS, aborting.signal);
});
