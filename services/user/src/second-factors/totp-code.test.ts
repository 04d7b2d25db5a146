import { Secret, TOTP } from "otpauth";
import { expect, test } from "vitest";
import { describeSecret, matchingStep } from "./totp-code.ts";

const secret = Buffer.from("12345678901234567890");
const at = (seconds: number) => new Date(seconds * 1000);

test("the codes of RFC 6238 appendix B are accepted, as their last six digits", () => {
  for (const [seconds, code] of [
    [59, "94287082"],
    [1111111109, "07081804"],
    [1111111111, "14050471"],
    [1234567890, "89005924"],
    [2000000000, "69279037"],
    [20000000000, "65353130"],
  ] as const) {
    expect(matchingStep(secret, code.slice(-6), at(seconds))).toBe(Math.floor(seconds / 30));
  }
});

test("a code counts in its own step, the one before and the one after, and in no other", () => {
  const code = (step: number) =>
    TOTP.generate({
      secret: new Secret({ buffer: new Uint8Array(secret).buffer }),
      timestamp: step * 30_000,
    });
  for (const step of [40, 41, 42]) expect(matchingStep(secret, code(step), at(41 * 30))).toBe(step);
  for (const step of [39, 43]) expect(matchingStep(secret, code(step), at(41 * 30))).toBeUndefined();
  expect(matchingStep(secret, code(40), at(41 * 30 + 29.999))).toBe(40);
  expect(matchingStep(secret, code(40), at(42 * 30))).toBeUndefined();
});

test("an authenticator app gets everything that it needs from the address", () => {
  const { base32, uri } = describeSecret(secret, { issuer: "Sotto (localhost)", label: "alice" });
  expect(base32).toBe("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  expect(Object.fromEntries(new URL(uri).searchParams)).toEqual({
    issuer: "Sotto (localhost)",
    secret: base32,
    algorithm: "SHA1",
    digits: "6",
    period: "30",
  });
  expect(decodeURIComponent(new URL(uri).pathname)).toMatch(/Sotto \(localhost\):alice$/);
});
