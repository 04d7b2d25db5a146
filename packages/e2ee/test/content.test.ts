import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../src/bytes.ts";
import { openContent, type SealedContent, sealContent } from "../src/content.ts";
import { decodeContentJson } from "../src/content-json.ts";
import { pad, unpad } from "../src/padding.ts";
import { codeOf, expectCode } from "./expect-code.ts";

const place = { messageId: randomUUID(), conversationId: randomUUID(), senderDeviceId: randomUUID() };
const LIMIT = 96 * 1024;

function open(sealed: SealedContent, at = place) {
  return openContent({ ...at, ...sealed });
}

describe("content", () => {
  it("opens to what was sealed", async () => {
    const name = fc.string().filter((text) => !["__proto__", "constructor", "prototype"].includes(text));
    const values = fc.dictionary(
      name,
      fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.boolean()),
      {
        noNullPrototype: true,
      },
    );
    await fc.assert(
      fc.asyncProperty(values, async (content) => {
        expect(await open(await sealContent({ ...place, content }))).toEqual(content);
      }),
      { numRuns: 50 },
    );
  });

  it("opens for no other message, conversation or sender", async () => {
    const sealed = await sealContent({ ...place, content: { body: "hi" } });
    for (const name of ["messageId", "conversationId", "senderDeviceId"] as const) {
      await expectCode(open(sealed, { ...place, [name]: randomUUID() }), "bad_content");
    }
  });

  it("is refused when it is not the bytes whose hash the envelope named", async () => {
    const [one, two] = [
      await sealContent({ ...place, content: { body: "one" } }),
      await sealContent({ ...place, content: { body: "two" } }),
    ];
    await expectCode(open({ ...one, content: two.content }), "bad_content");
    await expectCode(open({ ...two, contentHash: one.contentHash }), "bad_content");
  });

  it("opens under one key only, so that members of a group cannot be shown different texts", async () => {
    const sealed = await sealContent({ ...place, content: { body: "hi" } });
    const error = await open({ ...sealed, contentKey: new Uint8Array(32).fill(3) }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ message: "bad_content: the content is under another key" });
  });

  it("has one of ten sizes, the last within the server's limit", async () => {
    const sizes = new Set<number>();
    for (const length of [0, 1, 200, 300, 900, 2000, 4000, 8000, 16_000, 30_000, 60_000, 90_000]) {
      sizes.add((await sealContent({ ...place, content: { body: "x".repeat(length) } })).content.length);
    }
    expect([...sizes].map((size) => size - 73)).toEqual([
      256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 98_231,
    ]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMIT);
    await expectCode(sealContent({ ...place, content: { body: "x".repeat(LIMIT) } }), "content_too_large");
  });

  it("is one object without prototype names, at most 32 levels deep", async () => {
    const deep = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const refused = [
      '{"__proto__":{}}',
      '{"a":[{"constructor":1}]}',
      '{"a":{"prototype":1}}',
      "[]",
      "null",
      "1",
      "{",
      "",
    ];
    for (const text of [...refused, deep(33), deep(40_000)]) {
      expect(codeOf(() => decodeContentJson(utf8(text)))).toBe("bad_content");
    }
    expect(decodeContentJson(utf8(deep(30)))).toHaveProperty("a");
    expect(codeOf(() => decodeContentJson(Uint8Array.of(0x22, 0xff, 0x22)))).toBe("bad_content");
    await expectCode(sealContent({ ...place, content: [] }), "bad_content");
  });

  it("uses a fresh key and nonce every time", async () => {
    const content = { body: "hi" };
    const [one, two] = [await sealContent({ ...place, content }), await sealContent({ ...place, content })];
    expect(one.contentKey).not.toEqual(two.contentKey);
    expect(one.content.slice(33, 57)).not.toEqual(two.content.slice(33, 57));
  });
});

describe("padding", () => {
  it("comes off as it went on, and has one form", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(unpad(pad(bytes))).toEqual(bytes);
      }),
    );
    const longer = new Uint8Array(512);
    longer[3] = 0x80;
    for (const padded of [new Uint8Array(256), new Uint8Array(0), longer]) {
      expect(codeOf(() => unpad(padded))).toBe("bad_content");
    }
  });
});
