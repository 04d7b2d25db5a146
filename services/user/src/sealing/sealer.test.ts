import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createSealer } from "./sealer.ts";

const secret = randomBytes(32);
const sealer = createSealer({ secret, randomBytes });
const plaintext = Buffer.from("a secret");

test("what was sealed is opened by the same secret, for the same purpose, in the same context alone", () => {
  const sealed = sealer.seal("totp-secret", plaintext, "alice");
  expect(sealed.includes(plaintext)).toBe(false);
  expect(sealer.open("totp-secret", sealed, "alice")).toEqual(plaintext);
  expect(createSealer({ secret, randomBytes }).open("totp-secret", sealed, "alice")).toEqual(plaintext);
  expect(sealer.open("totp-secret", sealed, "bob")).toBeUndefined();
  expect(sealer.open("signing-key", sealed, "alice")).toBeUndefined();
  const other = createSealer({ secret: randomBytes(32), randomBytes });
  expect(other.open("totp-secret", sealed, "alice")).toBeUndefined();
});

test("a sealed value that was changed or cut anywhere does not open", () => {
  const sealed = sealer.seal("challenge", plaintext);
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(sealer.open("challenge", changed)).toBeUndefined();
    expect(sealer.open("challenge", sealed.subarray(0, index))).toBeUndefined();
  }
});

test("the same plaintext never seals alike, and the same value always has the same fingerprint", () => {
  expect(sealer.seal("challenge", plaintext)).not.toEqual(sealer.seal("challenge", plaintext));
  expect(sealer.fingerprint("recovery-code", "x")).toEqual(sealer.fingerprint("recovery-code", "x"));
  const other = createSealer({ secret: randomBytes(32), randomBytes });
  expect(other.fingerprint("recovery-code", "x")).not.toEqual(sealer.fingerprint("recovery-code", "x"));
});
