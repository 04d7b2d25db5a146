import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createSealer } from "../sealing/sealer.ts";
import { hashRecoveryCode } from "./issue-recovery-codes.ts";

const sealer = createSealer({ secret: randomBytes(32), randomBytes });

test("one code has one hash with its account, however it is typed, and another with every other account", () => {
  const hash = hashRecoveryCode({ sealer }, "alice", "ABCDE-FGH0K");
  expect(hashRecoveryCode({ sealer }, "alice", "abcde fghok")).toEqual(hash);
  expect(hashRecoveryCode({ sealer }, "bob", "ABCDE-FGH0K")).not.toEqual(hash);
  const other = createSealer({ secret: randomBytes(32), randomBytes });
  expect(hashRecoveryCode({ sealer: other }, "alice", "ABCDE-FGH0K")).not.toEqual(hash);
  expect(hashRecoveryCode({ sealer }, "alice", "no code")).toBeUndefined();
});
