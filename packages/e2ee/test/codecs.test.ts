import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uuidFromBytes, uuidToBytes } from "../src/address.ts";
import { fromBase64, toBase64 } from "../src/bytes.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../src/envelope.ts";
import { generateCurveKeyPair } from "../src/identity.ts";
import { decodePayload, encodePayload } from "../src/payload.ts";
import { codeOf, expectCode } from "./expect-code.ts";
import { forgeFirstMessage } from "./forged-message.ts";
import { createPerson, deliver, receive, send } from "./person.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const initiation = fc.record({
  baseKey: bytes(32).map((key) => Uint8Array.of(5, ...key)),
  kemKeyId: fc.integer({ min: 1, max: 0x7fffffff }),
  kemCiphertext: bytes(1088),
});
const envelope: fc.Arbitrary<Envelope> = fc.record(
  { initiation, nonce: bytes(24), sealed: fc.uint8Array({ minLength: 16, maxLength: 600 }) },
  { requiredKeys: ["nonce", "sealed"] },
);

describe("the envelope format", () => {
  it("decodes what it encodes, byte for byte", () => {
    fc.assert(
      fc.property(envelope, (original) => {
        const encoded = encodeEnvelope(original);
        const decoded = decodeEnvelope(encoded);
        expect(decoded.sealed).toEqual(original.sealed);
        expect(decoded.initiation?.kemKeyId).toBe(original.initiation?.kemKeyId);
        expect(encodeEnvelope(decoded)).toEqual(encoded);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses every truncation and every extension", () => {
    fc.assert(
      fc.property(
        envelope,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (original, cut) => {
          const encoded = encodeEnvelope(original);
          const shorter = encoded.slice(0, Math.floor(encoded.length * cut));
          expect(codeOf(() => decodeEnvelope(shorter))).toBe("bad_envelope");
          expect(codeOf(() => decodeEnvelope(Uint8Array.of(...encoded, 0)))).toBe("bad_envelope");
        },
      ),
      { numRuns: 60 },
    );
  });

  it("holds a sealed part of 2048 bytes at most, so that junk costs little", () => {
    const sized = (length: number) =>
      encodeEnvelope({ nonce: new Uint8Array(24), sealed: new Uint8Array(length) });
    expect(codeOf(() => decodeEnvelope(sized(2048)))).toBe("no error");
    expect(codeOf(() => decodeEnvelope(sized(2049)))).toBe("bad_envelope");
  });

  it("answers any bytes with an envelope or with bad_envelope", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.constantFrom(1, 2), (junk, kind) => {
        const framed = Uint8Array.of(1, kind, ...junk);
        expect(["bad_envelope", "no error"]).toContain(codeOf(() => decodeEnvelope(framed)));
        if (junk[0] !== 1) expect(codeOf(() => decodeEnvelope(junk))).toBe("bad_envelope");
      }),
    );
  });
});

describe("the payload format", () => {
  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uuid(), (contentKey, contentHash, messageId) => {
        const payload = { contentKey, contentHash, messageId };
        expect(decodePayload(encodePayload(payload))).toEqual(payload);
      }),
    );
  });

  it("refuses any other length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        fc.pre(junk.length !== 81);
        expect(codeOf(() => decodePayload(junk))).toBe("bad_envelope");
      }),
    );
  });
});

describe("base64 and UUIDs", () => {
  it("have one spelling each", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uuid(), (original, uuid) => {
        expect(fromBase64(toBase64(original))).toEqual(original);
        expect(uuidFromBytes(uuidToBytes(uuid))).toBe(uuid);
      }),
    );
    for (const text of ["AB==", "A", "A===", "AAA=\n", "AA A", "_-8="])
      expect(fromBase64(text)).toBeUndefined();
  });
});

describe("an envelope that somebody changed", () => {
  it("is refused wherever the change is, and changes nothing in the store", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const first = await send(alice, bob);
    const before = bob.store.dump();
    const positions = [0, 1, 2, 3, 34, 35, 38, 39, 500, 1126, 1127, 1150, 1151, 1154, 1155, first.length - 1];
    for (const position of positions) {
      const changed = first.slice();
      changed[position] = (changed[position] ?? 0) ^ 1;
      const error = await receive(bob, alice, changed).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ name: "E2eeError" });
      expect(bob.store.dump()).toBe(before);
    }
    await receive(bob, alice, first);
    await deliver(bob, alice);
    const ordinary = await send(alice, bob);
    const settled = bob.store.dump();
    for (let position = 0; position < ordinary.length; position += 3) {
      const changed = ordinary.slice();
      changed[position] = (changed[position] ?? 0) ^ 128;
      const error = await receive(bob, alice, changed).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ name: "E2eeError" });
      expect(bob.store.dump()).toBe(settled);
    }
    await receive(bob, alice, ordinary);
  });

  it("cannot be reflected to its sender: it reaches no ratchet", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    await expectCode(receive(alice, bob, await send(alice, bob)), "bad_envelope");
    await deliver(alice, bob);
    await deliver(bob, alice);
    const envelope = await send(alice, bob);
    const error = await receive(alice, bob, envelope).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "decrypt_failed", ratchetKey: undefined });
  });

  it("cannot carry the first message of another session", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const { publicKey: baseKey } = await generateCurveKeyPair();
    const forged = await forgeFirstMessage(alice, bob, { baseKey });
    await expectCode(receive(bob, alice, forged), "bad_envelope");
  });
});
