import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isIssuedBy, makeRefreshToken, REFRESH_SECRET_BYTES, readRefreshToken } from "./refresh-token.ts";

const key = randomBytes(32);
const anyParts = fc.record({
  sessionId: fc.uuid(),
  secret: fc
    .uint8Array({ minLength: REFRESH_SECRET_BYTES, maxLength: REFRESH_SECRET_BYTES })
    .map((bytes) => Buffer.from(bytes)),
});

test("a token reads back as what it was made of, and its hash is the SHA-256 of its bytes", () => {
  fc.assert(
    fc.property(anyParts, (parts) => {
      const made = makeRefreshToken({ ...parts, key });
      const read = readRefreshToken(made.text);
      expect(read).toMatchObject({ sessionId: parts.sessionId });
      expect(read?.hash).toEqual(made.hash);
      expect(made.hash).toEqual(createHash("sha256").update(Buffer.from(made.text, "base64url")).digest());
      expect(read && isIssuedBy(read, key)).toBe(true);
    }),
  );
});

test("a token with any bit changed, or of another session's key, was not issued", () => {
  fc.assert(
    fc.property(anyParts, fc.nat(63), fc.nat(7), (parts, index, bit) => {
      const { text } = makeRefreshToken({ ...parts, key });
      const bytes = Buffer.from(text, "base64url");
      bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
      const changed = readRefreshToken(bytes.toString("base64url"));
      expect(changed !== undefined && isIssuedBy(changed, key)).toBe(false);
      const read = readRefreshToken(text);
      expect(read && isIssuedBy(read, randomBytes(32))).toBe(false);
    }),
  );
});

test("text that has not the form of a token is none", () => {
  const { text } = makeRefreshToken({
    sessionId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    secret: randomBytes(REFRESH_SECRET_BYTES),
    key,
  });
  for (const other of [
    "",
    text.slice(1),
    `${text}A`,
    `${text.slice(0, -1)}=`,
    ` ${text}`,
    `${text}=`,
    `${text}\n`,
  ]) {
    expect(readRefreshToken(other)).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (any) => readRefreshToken(any) === undefined));
});
