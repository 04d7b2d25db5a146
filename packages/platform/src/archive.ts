import { Zip, ZipDeflate } from "fflate";

/** One file of an archive: its name, and its text in pieces. */
export type ArchivePart = {
  readonly name: string;
  readonly content: AsyncIterable<string> | Iterable<string>;
};

/**
 * A ZIP file (PKWARE APPNOTE 6.3) as a stream: a part's next piece is asked for when the reader has taken the last one,
 * so that the memory it takes does not grow with what is in it. Fails as the content of a part fails.
 */
export function streamArchive(parts: readonly ArchivePart[], modifiedAt: Date): ReadableStream<Uint8Array> {
  const chunks = zipChunks(parts, modifiedAt);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}

async function* zipChunks(
  parts: readonly ArchivePart[],
  modifiedAt: Date,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const ready: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    if (chunk.length > 0) ready.push(chunk);
  });
  for (const { name, content } of parts) {
    const file = new ZipDeflate(name);
    file.mtime = modifiedAt;
    zip.add(file);
    for await (const piece of content) {
      file.push(new TextEncoder().encode(piece));
      yield* ready.splice(0);
    }
    file.push(new Uint8Array(), true);
    yield* ready.splice(0);
  }
  zip.end();
  yield* ready.splice(0);
}

/** A value as JSON, for a part. */
export function jsonText(value: unknown): string[] {
  return [`${JSON.stringify(value, undefined, 2)}\n`];
}

/** The items of all pages as one JSON array, page by page. */
export async function* jsonList(pages: AsyncIterable<readonly unknown[]>): AsyncGenerator<string> {
  let before = "[\n";
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield before + page.map((item) => JSON.stringify(item)).join(",\n");
    before = ",\n";
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}
