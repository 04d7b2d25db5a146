/** Items of a list that the server gives in pages, asked for as far as they are read. `next` null: the last page. */
export async function* readPages<T>(
  getPage: (
    after: string | undefined,
  ) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): AsyncGenerator<T, void, undefined> {
  let after: string | undefined;
  do {
    const { items, next } = await getPage(after);
    yield* items;
    after = next ?? undefined;
  } while (after !== undefined);
}

/** A path with the parameters that are there. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
