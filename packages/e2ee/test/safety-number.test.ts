import { FingerprintGenerator } from "@privacyresearch/libsignal-protocol-typescript";
import { describe, expect, it } from "vitest";
import { exactBuffer } from "../src/bytes.ts";
import { safetyNumber } from "../src/safety-number.ts";

const keyA = new Uint8Array(32).fill(1);
const keyB = Uint8Array.from({ length: 32 }, (_, index) => index);
const idA = "0190a5d0-0000-7000-8000-00000000000a";
const idB = "0190a5d0-0000-7000-8000-00000000000b";

describe("D7: the safety number", () => {
  it("is the one that the library's generator makes", async () => {
    const own = await safetyNumber(keyA, idA, keyB, idB);
    expect(own).toBe("293949706126651495227833547967637484086871902765691008266288");
    const generator = new FingerprintGenerator(5200);
    expect(own).toBe(await generator.createFor(idA, exactBuffer(keyA), idB, exactBuffer(keyB)));
  });

  it("is the same from both sides, and another for another key or account", async () => {
    const own = await safetyNumber(keyA, idA, keyB, idB);
    expect(await safetyNumber(keyB, idB, keyA, idA)).toBe(own);
    expect(await safetyNumber(keyB, idA, keyB, idB)).not.toBe(own);
    expect(await safetyNumber(keyA, idB, keyB, idB)).not.toBe(own);
    expect(own).toMatch(/^\d{60}$/);
  });
});
