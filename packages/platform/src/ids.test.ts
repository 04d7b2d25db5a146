import { eventId } from "@sotto/contracts/ids";
import { expect, test } from "vitest";
import { createIds } from "./ids.ts";

const COUNT = 2000;

test("ids are UUIDv7 with the time in front, and no two share their random end", () => {
  const atMs = Date.UTC(2026, 0, 1);
  const { uuidv7 } = createIds(() => atMs);
  const ids = Array.from({ length: COUNT }, uuidv7);
  for (const id of ids) expect(eventId.safeParse(id).success).toBe(true);
  expect(Number.parseInt((ids[0] ?? "").replace("-", "").slice(0, 12), 16)).toBe(atMs);
  expect(new Set(ids.map((id) => id.slice(-12))).size).toBe(COUNT);
});

test("ids increase within a millisecond, from one to the next, and when the clock goes back", () => {
  let nowMs = 1000;
  const { uuidv7 } = createIds(() => nowMs);
  const ids = Array.from({ length: COUNT }, (_, index) => {
    if (index % 100 === 0) nowMs += index % 200 === 0 ? 3 : -1;
    return uuidv7();
  });
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(COUNT);
});
