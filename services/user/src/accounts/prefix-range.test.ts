import fc from "fast-check";
import { expect, test } from "vitest";
import { prefixRange } from "./prefix-range.ts";

const letters = [..."abcyz09_"];
const text = (minLength: number) =>
  fc.array(fc.constantFrom(...letters), { minLength, maxLength: 5 }).map((all) => all.join(""));

test("the range of a prefix holds exactly the names that start with it", () => {
  fc.assert(
    fc.property(text(1), text(0), text(1), (prefix, rest, other) => {
      const { from, before } = prefixRange(prefix);
      for (const name of [prefix + rest, other]) {
        expect(name >= from && name < before).toBe(name.startsWith(prefix));
      }
    }),
  );
});
