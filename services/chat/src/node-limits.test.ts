import { AppError } from "@sotto/platform/app-error";
import fc from "fast-check";
import { expect, test } from "vitest";
import { nodeLimits } from "./limits.ts";
import { createNodeLimits } from "./node-limits.ts";

function limitsAt(burst = 3, perMinute = 60) {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const rule = { burst, perMinute, whenDown: "open" } as const;
  return { clock, limits: createNodeLimits({ ...nodeLimits, "message.conversation": rule }, clock) };
}

test("a bucket lets its burst through at once and its rate in the long run, whatever the times are", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 600 }),
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }),
      (burst, perMinute, pauses) => {
        const { clock, limits } = limitsAt(burst, perMinute);
        const bucket = limits.bucket("message.conversation", "ann");
        const passed: number[] = [];
        for (const pause of pauses) {
          clock.nowMs += pause;
          const waitMs = bucket.take(clock.nowMs);
          if (waitMs === 0) passed.push(clock.nowMs);
          // Whoever waits as long as it is told gets through.
          else
            expect(bucket.take(clock.nowMs + waitMs) === 0 && passed.push(clock.nowMs + waitMs) > 0).toBe(
              true,
            );
          clock.nowMs = Math.max(clock.nowMs, passed.at(-1) ?? 0);
        }
        for (let from = 0; from + burst < passed.length; from += 1) {
          const spanMs = (passed[from + burst] as number) - (passed[from] as number);
          expect(spanMs).toBeGreaterThanOrEqual(Math.floor(60_000 / perMinute) - 1);
        }
      },
    ),
  );
});

test("every key has its own bucket, and the same one whoever asks for it", () => {
  const { clock, limits } = limitsAt();
  for (let index = 0; index < 3; index += 1) limits.take("message.conversation", "ann");
  expect(() => limits.take("message.conversation", "ann")).toThrow(AppError);
  expect(limits.bucket("message.conversation", "ann").take(clock.nowMs)).toBe(1000);
  limits.take("message.conversation", "ben");
  limits.take("message.account", "ann");
  clock.nowMs += 1000;
  limits.take("message.conversation", "ann");
});

test("a refusal says how many seconds to wait", () => {
  const { limits } = limitsAt(1, 6);
  limits.take("message.conversation", "ann");
  expect(() => limits.take("message.conversation", "ann")).toThrow(
    expect.objectContaining({ code: "rate_limited", retryAfterSeconds: 10 }),
  );
});

test("a limit that is off lets everything pass", () => {
  const clock = { monotonicMs: () => 0 };
  const limits = createNodeLimits({ ...nodeLimits, "message.account": "off" }, clock);
  for (let index = 0; index < 10_000; index += 1) limits.take("message.account", "ann");
});
