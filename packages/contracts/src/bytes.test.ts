import fc from "fast-check";
import { expect, test } from "vitest";
import { base64Bytes, decodedLength } from "./bytes.ts";

test("accepts exactly the padded base64 of as many bytes as it was made for", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(60), fc.nat(60), (bytes, a, b) => {
      const [min, max] = [Math.min(a, b), Math.max(a, b)];
      const text = Buffer.from(bytes).toString("base64");
      expect(decodedLength(text)).toBe(bytes.length);
      expect(base64Bytes(min, max).safeParse(text).success).toBe(bytes.length >= min && bytes.length <= max);
    }),
  );
});

test.each(["AA", "AA=", "A===", "AA==AA==", "AA-_", "AAA\n", "AAAé", "===="])("refuses %j", (text) => {
  expect(base64Bytes(0, 10).safeParse(text).success).toBe(false);
});

test.each([7, null, undefined, {}, [], new Uint8Array(3)])("refuses what is no text: %j", (value) => {
  expect(base64Bytes(0, 10).safeParse(value).success).toBe(false);
});
