import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { CompactEncrypt, importJWK, type JWK } from "jose";
import { expect, test } from "vitest";
import { openLink, sealLink } from "./sealed-link.ts";

function newKeys() {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return {
    publicKey: { ...publicKey.export({ format: "jwk" }), kid: "n1" } as JWK & { kid: string },
    privateKey: privateKey.export({ format: "jwk" }) as JWK,
  };
}

const keys = newKeys();
const link = {
  link: "https://chat.example.org/verify-email#token=AAAA",
  recipient: "alice@example.org",
  expiresAt: "2026-03-01T12:00:00.000Z",
};

test("what is sealed is opened by the private key, and by no other", async () => {
  const sealed = await sealLink(keys.publicKey, link);
  expect(await openLink(keys.privateKey, sealed)).toEqual(link);
  expect(await openLink(newKeys().privateKey, sealed)).toBeUndefined();
});

test("what is sealed shows neither the link nor the recipient, and is never the same twice", async () => {
  const sealed = await sealLink(keys.publicKey, link);
  const shown = sealed.split(".").map((part) => Buffer.from(part, "base64url").toString("latin1"));
  for (const part of [sealed, ...shown]) {
    expect(part).not.toContain("token");
    expect(part).not.toContain("alice");
  }
  expect(await sealLink(keys.publicKey, link)).not.toBe(sealed);
});

test("a changed character anywhere, or any other text, opens to nothing", async () => {
  const sealed = await sealLink(keys.publicKey, link);
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.constantFrom(..."Aa0.-"), async (at, character) => {
      const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
      // The last character of a part may hold bits that mean nothing; then it is the same text to a reader of bytes.
      const bytesOf = (text: string) =>
        text.split(".").map((part) => Buffer.from(part, "base64url").toString("hex"));
      fc.pre(bytesOf(changed).join() !== bytesOf(sealed).join());
      expect(await openLink(keys.privateKey, changed)).toBeUndefined();
    }),
    { numRuns: 100 },
  );
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
      expect(await openLink(keys.privateKey, text)).toBeUndefined();
    }),
  );
});

test("another algorithm is not accepted, nor a content that is no link", async () => {
  const key = await importJWK(keys.publicKey, "ECDH-ES");
  const encrypt = (alg: string, enc: string, content: unknown) =>
    new CompactEncrypt(new TextEncoder().encode(JSON.stringify(content)))
      .setProtectedHeader({ alg, enc })
      .encrypt(key);
  expect(await openLink(keys.privateKey, await encrypt("ECDH-ES", "A256GCM", link))).toEqual(link);
  for (const sealed of [
    await encrypt("ECDH-ES", "A128GCM", link),
    await encrypt("ECDH-ES+A256KW", "A256GCM", link),
    await encrypt("ECDH-ES", "A256GCM", { ...link, recipient: "nobody" }),
    await encrypt("ECDH-ES", "A256GCM", null),
  ]) {
    expect(await openLink(keys.privateKey, sealed)).toBeUndefined();
  }
});
