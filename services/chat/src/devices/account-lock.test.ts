import { expect, test } from "vitest";
import { accountLockKey } from "./account-lock.ts";

test("the lock of an account is the last twelve bits of its id", () => {
  expect(accountLockKey("01890a5d-ac96-774b-bcce-b302099a8057")).toBe(0x057);
  expect(accountLockKey("01890a5d-ac96-774b-bcce-b302099a8fff")).toBe(4095);
  expect(accountLockKey("01890a5d-ac96-774b-bcce-b302099a8000")).toBe(0);
});
