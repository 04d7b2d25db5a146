import { createECDH } from "node:crypto";
import { expect, it } from "vitest";
import { isPointOnCurve } from "./subscriber-key.ts";

it("takes uncompressed points on P-256 and nothing else", () => {
  const pair = createECDH("prime256v1");
  const point = pair.generateKeys();
  expect(isPointOnCurve(point)).toBe(true);
  const beside = Buffer.from(point);
  beside[64] = (beside[64] ?? 0) ^ 1;
  const compressed = pair.getPublicKey(null, "compressed");
  const hybrid = pair.getPublicKey(null, "hybrid");
  const nowhere = Buffer.concat([Buffer.from([4]), Buffer.alloc(64)]);
  const beyond = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 0xff)]);
  for (const bytes of [beside, compressed, hybrid, nowhere, beyond, Buffer.alloc(65), Buffer.alloc(0)])
    expect(isPointOnCurve(bytes), bytes.toString("hex")).toBe(false);
});
