import { createPublicKey, verify } from "node:crypto";
import { x25519 } from "@noble/curves/ed25519.js";
import { AsyncCurve25519Wrapper } from "@privacyresearch/curve25519-typescript";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactBuffer, utf8 } from "../src/bytes.ts";
import { libraryCurve, refuseZeroSecret, sharedSecret } from "../src/curve.ts";
import { edwardsPublicKey, signXeddsa, verifyXeddsa } from "../src/xeddsa.ts";
import { codeOf, expectCode } from "./expect-code.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** u-coordinates of small order, with their non-canonical spellings (cr.yp.to/ecdh.html). */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

describe("D8: X25519", () => {
  it("gives the result of RFC 7748, section 5.2", async () => {
    const scalar = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    const point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    const expected = hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    expect(await sharedSecret(scalar, point)).toEqual(expected);
  });

  it("refuses every public key of small order, and a zero secret wherever it comes from", async () => {
    for (const point of SMALL_ORDER) {
      await expectCode(sharedSecret(new Uint8Array(32).fill(7), hex(point)), "bad_key");
    }
    expect(codeOf(() => refuseZeroSecret(new Uint8Array(32)))).toBe("bad_key");
  });

  it("makes the key pairs that an independent implementation makes", async () => {
    await fc.assert(
      fc.asyncProperty(key, async (seed) => {
        const { pubKey, privKey } = await libraryCurve.keyPair(exactBuffer(seed));
        expect(new Uint8Array(pubKey)).toEqual(x25519.getPublicKey(new Uint8Array(privKey)));
      }),
      { numRuns: 20 },
    );
  });

  it("does not come from the WebAssembly package, which only refuses", async () => {
    await expect(new AsyncCurve25519Wrapper().keyPair(new ArrayBuffer(32))).rejects.toThrow("setCurve");
  });
});

describe("XEdDSA", () => {
  /** From libsignal's own tests: its signer leaves the sign of the Edwards key in the top bit of s. */
  const signer = hex("ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64");
  const signed = hex("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a");
  const signature = hex(
    "5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb" +
      "ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88",
  );

  it("accepts a signature that libsignal made, and none of its neighbours", () => {
    expect(verifyXeddsa(signer, signed, signature)).toBe(true);
    for (let position = 0; position < signature.length; position++) {
      const changed = signature.slice();
      changed[position] = (changed[position] ?? 0) ^ 1;
      expect(verifyXeddsa(signer, signed, changed)).toBe(false);
    }
  });

  it("makes signatures that OpenSSL's Ed25519 accepts under the converted key", () => {
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 100 }), (privateKey, message) => {
        const made = signXeddsa(privateKey, message);
        const publicKey = x25519.getPublicKey(privateKey);
        const edwards = edwardsPublicKey(publicKey) ?? new Uint8Array();
        const spki = Buffer.concat([hex("302a300506032b6570032100"), edwards]);
        const keyObject = createPublicKey({ key: spki, format: "der", type: "spki" });
        expect(verify(null, message, keyObject, made)).toBe(true);
        expect(verifyXeddsa(publicKey, message, made)).toBe(true);
        expect((made[63] ?? 0) & 128).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it("answers false, never throws, for keys and signatures of any form", () => {
    const message = utf8("message");
    const made = signXeddsa(new Uint8Array(32).fill(9), message);
    for (const point of SMALL_ORDER) expect(verifyXeddsa(hex(point), message, made)).toBe(false);
    expect(verifyXeddsa(new Uint8Array(31), message, made)).toBe(false);
    expect(verifyXeddsa(signer, message, made.slice(1))).toBe(false);
    fc.assert(
      fc.property(key, fc.uint8Array({ minLength: 64, maxLength: 64 }), (publicKey, junk) => {
        expect(verifyXeddsa(publicKey, message, junk)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it("never repeats a nonce, so the same message has different signatures", () => {
    const privateKey = new Uint8Array(32).fill(9);
    expect(signXeddsa(privateKey, signed)).not.toEqual(signXeddsa(privateKey, signed));
  });
});
