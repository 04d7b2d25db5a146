import { expect, test } from "vitest";
import { isReservedName } from "./reserved-names.ts";

test("names that speak for the installation are reserved, with underscores after them too", () => {
  for (const name of ["admin", "root", "support", "system", "sotto", "admin_", "security__"]) {
    expect(isReservedName(name)).toBe(true);
  }
  for (const name of ["alice", "admina", "rooted", "bot_fan"]) expect(isReservedName(name)).toBe(false);
});
