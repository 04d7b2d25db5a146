import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseSigner, isAccepted, isRotationDue, type KeyTimes, planSuccessor } from "./key-schedule.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const key = (signsFrom: number, retiresAt: number | null = null): KeyTimes => ({
  signsFrom: at(signsFrom),
  retiresAt: retiresAt === null ? null : at(retiresAt),
});

test("the newest key that has begun signs; one that is retired never does", () => {
  const [old, current, next] = [key(-40 * DAY, 5), key(-10 * DAY, 20 * MINUTE), key(10 * MINUTE)];
  expect(chooseSigner([next, old, current], NOW)).toBe(current);
  expect(chooseSigner([old, current, next], at(10 * MINUTE))).toBe(next);
  expect(chooseSigner([key(-1, 0)], NOW)).toBeUndefined();
  expect(chooseSigner([], NOW)).toBeUndefined();
});

test("when every key is still to come, because another clock is ahead, the first of them signs", () => {
  const [first, second] = [key(2), key(700)];
  expect(chooseSigner([second, first], NOW)).toBe(first);
});

test("a rotation is due without a key that stays, and when the newest is old enough", () => {
  expect(isRotationDue([], NOW, 30)).toBe(true);
  expect(isRotationDue([key(-DAY, 5)], NOW, 30)).toBe(true);
  expect(isRotationDue([key(-30 * DAY)], NOW, 30)).toBe(true);
  expect(isRotationDue([key(-30 * DAY + 1)], NOW, 30)).toBe(false);
  expect(isRotationDue([key(-60 * DAY), key(600)], NOW, 30)).toBe(false);
});

test("in every sequence of rotations each token is accepted for its whole life, and its key was published before", () => {
  // Tokens live ten minutes; verifiers may have fetched the keys up to ten minutes ago.
  const LIFE = 10 * MINUTE;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 * MINUTE }), { maxLength: 6 }), (pauses) => {
      const keys: (KeyTimes & { publishedAt: number })[] = [{ ...key(0), publishedAt: -LIFE }];
      let time = 0;
      for (const pause of pauses) {
        time += pause;
        const plan = planSuccessor(keys, at(time));
        keys.forEach((each, index) => {
          if (each.retiresAt === null) keys[index] = { ...each, retiresAt: plan.formerRetireAt };
        });
        keys.push({ signsFrom: plan.signsFrom, retiresAt: null, publishedAt: time });
      }
      for (let second = 0; second <= time + 60 * MINUTE; second += 97) {
        const known = keys.filter(({ publishedAt }) => publishedAt <= second);
        const signer = chooseSigner(known, at(second));
        expect(signer && signer.publishedAt + LIFE <= second).toBe(true);
        expect(signer && isAccepted(signer, at(second + LIFE))).toBe(true);
      }
    }),
  );
});
