import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRecoveryCode, RECOVERY_CODE_CHARACTERS, readRecoveryCode } from "./recovery-code.ts";

const random = fc.uint8Array({ minLength: RECOVERY_CODE_CHARACTERS, maxLength: RECOVERY_CODE_CHARACTERS });

test("a code is read as it was shown, whatever people make of its case and its groups", () => {
  fc.assert(
    fc.property(random, (bytes) => {
      const shown = formatRecoveryCode(bytes);
      expect(shown).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
      const code = shown.replace("-", "");
      expect(readRecoveryCode(shown)).toBe(code);
      expect(readRecoveryCode(` ${shown.toLowerCase().replace("-", " ")}\t`)).toBe(code);
      expect(readRecoveryCode([...code].join("-"))).toBe(code);
    }),
  );
});

test("letters that look like digits are those digits", () => {
  expect(readRecoveryCode("OIL0l-oiLAB")).toBe("01101" + "011AB");
});

test("five random bits of each byte go into the code: codes are as many as they could be", () => {
  const codes = new Set<string>();
  for (let byte = 0; byte < 32; byte++) codes.add(formatRecoveryCode(Buffer.alloc(10, byte)));
  expect(codes.size).toBe(32);
});

test("what cannot be a code is none", () => {
  for (const text of ["", "ABCDE-FGHJ", "ABCDE-FGHJK1", "ABCDE-FGHJU", "ABCDE-FGHJ\u0000", "ÄBCDE-FGHJK"]) {
    expect(readRecoveryCode(text), text).toBeUndefined();
  }
});
