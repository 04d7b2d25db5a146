import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransactor, type DeviceStore } from "@sotto/e2ee/store";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { memoryStore } from "./memory-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const folder = mkdtempSync(join(tmpdir(), "sotto-stores-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

type Store = { name: string; make(): { open(): Promise<DeviceStore> } };
const stores: Store[] = [
  { name: "memory", make: memoryStore },
  {
    name: "sqlite",
    make: () => {
      const path = join(folder, `${files++}.db`);
      return { open: () => openSqliteStore(path) };
    },
  },
];

const bytes = (...values: number[]) => Uint8Array.from(values);

describe.each(stores)("a $name store", ({ make }) => {
  it("gives back what was committed, also after it was closed and opened again", async () => {
    const opener = make();
    const first = await opener.open();
    await first.commit([{ table: "a", key: "k", value: bytes(1, 2, 3) }]);
    await first.commit([{ table: "b", key: "k", value: bytes() }]);
    await first.close();
    const second = await opener.open();
    expect(await second.get("a", "k")).toEqual(bytes(1, 2, 3));
    expect(await second.get("b", "k")).toEqual(bytes());
    expect(await second.get("a", "other")).toBeUndefined();
    await second.close();
  });

  it("deletes by a null value, and the last write of one commit to a row wins", async () => {
    const store = await make().open();
    await store.commit([{ table: "a", key: "k", value: bytes(1) }]);
    await store.commit([
      { table: "a", key: "k", value: bytes(2) },
      { table: "a", key: "k", value: null },
      { table: "a", key: "l", value: bytes(3) },
    ]);
    expect(await store.list("a")).toEqual([{ key: "l", value: bytes(3) }]);
    await store.close();
  });

  it("writes nothing of a commit in which one write is refused", async () => {
    const store = await make().open();
    const commit = store.commit([
      { table: "a", key: "k", value: bytes(1) },
      { table: "a", key: "snow\u2603", value: bytes(2) },
    ]);
    await expect(commit).rejects.toThrow(TypeError);
    expect(await store.list("a")).toEqual([]);
    await store.close();
  });

  it("hands out copies: neither what was written nor what was read can be changed from outside", async () => {
    const store = await make().open();
    const value = bytes(1);
    await store.commit([{ table: "a", key: "k", value }]);
    value[0] = 9;
    const read = await store.get("a", "k");
    read?.fill(8);
    expect(await store.get("a", "k")).toEqual(bytes(1));
    expect(read?.buffer.byteLength).toBe(1);
    await store.close();
  });

  it("lists a range in code unit order, from inclusive, to exclusive, up to the limit", async () => {
    const key = fc.string({ minLength: 1, maxLength: 4, unit: "grapheme-ascii" });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 12 }),
        fc.option(key, { nil: undefined }),
        fc.option(key, { nil: undefined }),
        fc.option(fc.nat(6), { nil: undefined }),
        async (keys, from, to, limit) => {
          const store = await make().open();
          await store.commit(keys.map((name) => ({ table: "t", key: name, value: bytes(name.length) })));
          const range = {
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
            ...(limit === undefined ? {} : { limit }),
          };
          const expected = [...keys]
            .sort((a, b) => (a < b ? -1 : 1))
            .filter((name) => (from === undefined || name >= from) && (to === undefined || name < to))
            .slice(0, limit ?? keys.length);
          expect((await store.list("t", range)).map((row) => row.key)).toEqual(expected);
          await store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is open in one place at a time", async () => {
    const opener = make();
    const store = await opener.open();
    await expect(opener.open()).rejects.toMatchObject({ code: "store_in_use" });
    await store.close();
    await (await opener.open()).close();
  });

  it("refuses everything after close, and closing twice is harmless", async () => {
    const store = await make().open();
    await store.close();
    await store.close();
    await expect(store.get("a", "k")).rejects.toMatchObject({ code: "closed" });
    await expect(store.list("a")).rejects.toMatchObject({ code: "closed" });
    await expect(store.commit([])).rejects.toMatchObject({ code: "closed" });
  });

  it("keeps nothing of a transaction that throws", async () => {
    const store = await make().open();
    const { transact } = createTransactor(store);
    await transact(async (tx) => tx.put("a", "k", bytes(1)));
    const failing = transact(async (tx) => {
      tx.put("a", "k", bytes(2));
      tx.put("a", "l", bytes(2));
      throw new Error("stop");
    });
    await expect(failing).rejects.toThrow("stop");
    expect(await store.list("a")).toEqual([{ key: "k", value: bytes(1) }]);
    await store.close();
  });
});
