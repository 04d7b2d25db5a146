import { expect, test } from "vitest";
import { createKemKey } from "./device-fixture.ts";
import { isUsableKemKey } from "./kem-key.ts";

/** Writes the 12-bit coefficient at `index`, as FIPS 203 encodes it. */
function withCoefficient(index: number, value: number): Buffer {
  const key = createKemKey();
  const at = Math.floor(index / 2) * 3;
  if (index % 2 === 0) {
    key.writeUInt8(value & 0xff, at);
    key.writeUInt8((key.readUInt8(at + 1) & 0xf0) | (value >> 8), at + 1);
  } else {
    key.writeUInt8((key.readUInt8(at + 1) & 0x0f) | ((value & 0x0f) << 4), at + 1);
    key.writeUInt8(value >> 4, at + 2);
  }
  return key;
}

test.each([0, 1, 2, 383, 766, 767])("coefficient %d may be 3328 and not 3329", (index) => {
  expect(isUsableKemKey(withCoefficient(index, 3328))).toBe(true);
  expect(isUsableKemKey(withCoefficient(index, 3329))).toBe(false);
  expect(isUsableKemKey(withCoefficient(index, 4095))).toBe(false);
});

test("the seed at the end may be anything, the length may not", () => {
  const key = createKemKey();
  key.fill(0xff, 1152);
  expect(isUsableKemKey(key)).toBe(true);
  expect(isUsableKemKey(key.subarray(1))).toBe(false);
  expect(isUsableKemKey(Buffer.concat([key, Buffer.of(0)]))).toBe(false);
});
