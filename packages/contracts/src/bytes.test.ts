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

test("accepts what the alphabet and the padding allow, and nothing else", () => {
  const letters = [..."AZaz09+/=-_ \n\t\f\r\v\0é\u00a0\u0141\ufeff\ud83d", "🙂"];
  const text = fc.array(fc.constantFrom(...letters), { maxLength: 9 }).map((all) => all.join(""));
  const almost = fc
    .tuple(fc.base64String({ maxLength: 12 }), fc.nat(12), fc.constantFrom("", ...letters))
    .map(([base64, at, letter]) => base64.slice(0, at) + letter + base64.slice(at + letter.length));
  fc.assert(
    fc.property(fc.oneof(text, almost, fc.string(), fc.base64String()), (candidate) => {
      const allowed = candidate.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(candidate);
      expect(base64Bytes(0, 100).safeParse(candidate).success).toBe(allowed);
    }),
    { numRuns: 20_000 },
  );
});

test.each(["AA", "AA=", "A===", "AA==AA==", "AA-_", "AAA\n", "AAAé", "===="])("refuses %j", (text) => {
  expect(base64Bytes(0, 10).safeParse(text).success).toBe(false);
});

test.each([7, null, undefined, {}, [], new Uint8Array(3)])("refuses what is no text: %j", (value) => {
  expect(base64Bytes(0, 10).safeParse(value).success).toBe(false);
});
