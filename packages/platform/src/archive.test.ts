import fc from "fast-check";
import { strFromU8, unzipSync } from "fflate";
import { expect, test } from "vitest";
import { jsonList, jsonText, streamArchive } from "./archive.ts";

const AT = new Date("2026-03-01T12:00:00Z");

async function unpack(stream: ReadableStream<Uint8Array>): Promise<Record<string, string>> {
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, file]) => [name, strFromU8(file)]));
}

async function* pagesOf(pages: readonly (readonly unknown[])[]) {
  yield* pages;
}

test("an archive holds each part under its name, whatever is in it", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 400 });
  await fc.assert(
    fc.asyncProperty(fc.array(text), fc.jsonValue(), async (pieces, value) => {
      const found = await unpack(
        streamArchive(
          [
            { name: "pieces.txt", content: pieces },
            { name: "value.json", content: jsonText(value) },
          ],
          AT,
        ),
      );
      expect(found["pieces.txt"]).toBe(pieces.join("").toWellFormed());
      expect(JSON.parse(found["value.json"] ?? "")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 50 },
  );
});

test("a list is one JSON array of the items of all pages, also of none", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.jsonValue({ maxDepth: 1 }))), async (pages) => {
      const { list = "" } = await unpack(
        streamArchive([{ name: "list", content: jsonList(pagesOf(pages)) }], AT),
      );
      expect(JSON.parse(list)).toEqual(JSON.parse(JSON.stringify(pages.flat())));
    }),
    { numRuns: 50 },
  );
});

test("a part is read no further than the reader of the archive has come", async () => {
  let asked = 0;
  async function* endless() {
    for (;;) {
      asked += 1;
      // Hardly compressible, so that the pieces come out.
      yield Array.from({ length: 20_000 }, (_, index) =>
        ((index * 7919 * asked) % 65_521).toString(36),
      ).join();
    }
  }
  const reader = streamArchive([{ name: "endless", content: endless() }], AT).getReader();
  for (let chunk = 0; chunk < 5; chunk++) await reader.read();
  const before = asked;
  expect(before).toBeLessThan(30);
  await reader.cancel();
  await Promise.resolve();
  expect(asked).toBeLessThanOrEqual(before + 1);
});

test("the failure of a part is the failure of the archive", async () => {
  async function* failing() {
    yield "a";
    throw new Error("the database is gone");
  }
  const stream = streamArchive([{ name: "part", content: failing() }], AT);
  await expect(unpack(stream)).rejects.toThrow("the database is gone");
});
