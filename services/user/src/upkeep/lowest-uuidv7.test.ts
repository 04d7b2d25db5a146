import fc from "fast-check";
import { v7 } from "uuid";
import { expect, test } from "vitest";
import { lowestUuidv7 } from "./lowest-uuidv7.ts";

test("no id of the same millisecond or a later one is smaller, and every earlier one is", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 47 }), fc.integer({ min: 1, max: 1e9 }), (msecs, more) => {
      const lowest = lowestUuidv7(new Date(msecs));
      expect(v7({ msecs }) >= lowest).toBe(true);
      expect(v7({ msecs: msecs + more }) >= lowest).toBe(true);
      expect(v7({ msecs: msecs - 1 }) < lowest).toBe(true);
    }),
  );
});
