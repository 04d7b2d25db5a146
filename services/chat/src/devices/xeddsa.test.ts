import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeyPair, signXeddsa } from "./device-fixture.ts";
import { createSignatureVerifier, isUsablePublicKey, verifyEd25519 } from "./xeddsa.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const serialized = (u: bigint) =>
  Buffer.concat([Buffer.of(5), Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse()]);
const P = 2n ** 255n - 19n;
const ORDER = ed25519.Point.Fn.ORDER;
const LOW_ORDER = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  P - 1n,
];

// The identity key and signed ephemeral key in the tests of libsignal's Curve25519.
const vector = {
  identityKey: hex("05ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64"),
  message: hex("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a"),
  signature: hex(`5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb
                  ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88`),
};

test("libsignal's own signature is accepted, and with any bit of it changed it is not", async () => {
  const verify = createSignatureVerifier(vector.identityKey);
  expect(await verify?.(vector.message, vector.signature)).toBe(true);
  for (let byte = 0; byte < 64; byte++) {
    const changed = Buffer.from(vector.signature);
    changed.writeUInt8(changed.readUInt8(byte) ^ 1, byte);
    expect(await verify?.(vector.message, changed), `byte ${byte}`).toBe(false);
  }
});

test("a signature holds for its key and message only, whichever sign its point has", async () => {
  const signs = new Set<number>();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 1300 }), async (message) => {
      const [own, other] = [createKeyPair(), createKeyPair()];
      const signature = signXeddsa(own.privateKey, message);
      signs.add(signature.readUInt8(63) & 0x80);
      const verify = createSignatureVerifier(own.publicKey);
      expect(await verify?.(message, signature)).toBe(true);
      expect(await verify?.(Buffer.concat([message, Buffer.of(0)]), signature)).toBe(false);
      expect(await createSignatureVerifier(other.publicKey)?.(message, signature)).toBe(false);
      signature.writeUInt8(signature.readUInt8(63) ^ 0x80, 63);
      expect(await verify?.(message, signature)).toBe(false);
    }),
    { numRuns: 40 },
  );
  expect(signs).toEqual(new Set([0, 0x80]));
});

test("a second spelling of a signature (s plus the group order) is refused", async () => {
  const { privateKey, publicKey } = createKeyPair();
  const signature = signXeddsa(privateKey, Buffer.of(1));
  const sign = signature.readUInt8(63) & 0x80;
  signature.writeUInt8(signature.readUInt8(63) & 0x7f, 63);
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + ORDER;
  const respelled = Buffer.concat([signature.subarray(0, 32), serialized(s).subarray(1)]);
  respelled.writeUInt8(respelled.readUInt8(63) | sign, 63);
  expect(await createSignatureVerifier(publicKey)?.(Buffer.of(1), respelled)).toBe(false);
});

test.each([0, 63, 65])("a signature of %d bytes is refused", async (length) => {
  const verify = createSignatureVerifier(createKeyPair().publicKey);
  expect(await verify?.(Buffer.of(1), randomBytes(length))).toBe(false);
});

test("keys of low order, second spellings and wrong types are not usable", () => {
  const { publicKey } = createKeyPair();
  const wrongType = Buffer.concat([Buffer.of(6), publicKey.subarray(1)]);
  const unusable = [...LOW_ORDER, P, P + 1n, P + 9n, 2n ** 255n + 9n].map(serialized);
  for (const key of [
    ...unusable,
    wrongType,
    publicKey.subarray(1),
    Buffer.concat([publicKey, Buffer.of(0)]),
  ]) {
    expect(isUsablePublicKey(key), key.toString("hex")).toBe(false);
    expect(createSignatureVerifier(key)).toBeUndefined();
  }
  expect(isUsablePublicKey(publicKey)).toBe(true);
});

test("a key on the twist cannot sign, so it makes no verifier", () => {
  // 2 is no u-coordinate of the curve itself.
  expect(createSignatureVerifier(serialized(2n))).toBeUndefined();
});

test("an account key of low order verifies nothing, though anybody could sign for it", async () => {
  const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  const forged = Buffer.concat([identity, Buffer.alloc(32)]);
  expect(await verifyEd25519(identity, Buffer.of(1), forged)).toBe(false);
  expect(await verifyEd25519(randomBytes(31), Buffer.of(1), forged)).toBe(false);
  const { secretKey, publicKey } = ed25519.keygen();
  const signature = ed25519.sign(Buffer.of(1), secretKey);
  expect(await verifyEd25519(publicKey, Buffer.of(1), signature)).toBe(true);
  expect(await verifyEd25519(publicKey, Buffer.of(2), signature)).toBe(false);
});
