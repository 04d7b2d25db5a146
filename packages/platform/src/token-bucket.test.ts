import fc from "fast-check";
import { expect, test } from "vitest";
import { costMs, toBucket, waitMs } from "./token-bucket.ts";

const rules = fc.record({
  burst: fc.integer({ min: 1, max: 1_000_000 }),
  perMinute: fc.double({ min: 0.0001, max: 60_000, noNaN: true }),
});

test("a full bucket gives its whole burst at once, and not a point more", () => {
  fc.assert(
    fc.property(rules, (rule) => {
      const bucket = toBucket(rule);
      const nowMs = 1_790_000_000_000;
      expect(waitMs(bucket, { fullAt: 0, nowMs, points: rule.burst })).toBe(0);
      const fullAt = nowMs + costMs(bucket, rule.burst);
      expect(waitMs(bucket, { fullAt, nowMs, points: 1 })).toBeGreaterThan(0);
      expect(Number.isSafeInteger(fullAt)).toBe(true);
    }),
  );
});

test("who waits as long as it is told finds what it asked for, and not a millisecond sooner", () => {
  const holding = fc.tuple(rules, fc.nat(1_000_000), fc.integer({ min: 1, max: 2_000_000 }));
  fc.assert(
    fc.property(holding, ([rule, used, points]) => {
      const bucket = toBucket(rule);
      const nowMs = 1_790_000_000_000;
      const fullAt = nowMs + Math.min(used, rule.burst) * bucket.intervalMs;
      const wait = waitMs(bucket, { fullAt, nowMs, points });
      expect(waitMs(bucket, { fullAt, nowMs: nowMs + wait, points })).toBe(0);
      if (wait > 0) expect(waitMs(bucket, { fullAt, nowMs: nowMs + wait - 1, points })).toBe(1);
    }),
  );
});
