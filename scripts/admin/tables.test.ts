import { expect, test } from "vitest";
import { formatTable } from "./tables.ts";

test("columns are as wide as their widest cell", () => {
  expect(
    formatTable(
      ["name", "n"],
      [
        ["alexandra", "1"],
        ["bo", "22"],
      ],
    ),
  ).toBe("name       n\nalexandra  1\nbo         22");
});

test("what people chose for a name cannot move the cursor, or turn the direction of what follows", () => {
  expect(formatTable(["x"], [["a\u001b[2Jb\u202ec\n"]])).toBe("x\na\\u001b[2Jb\\u202ec\\u000a");
});
