import type { DeviceStore, KeyRange, Row, Write } from "../src/store.ts";

/** A store in memory. `beforeCommit` and `afterCommit` let a test make commits fail before or after they took effect. */
export class MemoryStore implements DeviceStore {
  readonly #rows: Map<string, Map<string, Uint8Array>>;
  beforeCommit: (writes: readonly Write[]) => void = () => {};
  afterCommit: () => void = () => {};
  commits = 0;

  constructor(rows: Map<string, Map<string, Uint8Array>> = new Map()) {
    this.#rows = rows;
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    return this.#rows.get(table)?.get(key)?.slice();
  }

  async list(table: string, range: KeyRange = {}): Promise<Row[]> {
    const { from, to, limit } = range;
    return [...(this.#rows.get(table) ?? [])]
      .filter(([key]) => (from === undefined || key >= from) && (to === undefined || key < to))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value: value.slice() }));
  }

  async commit(writes: readonly Write[]): Promise<void> {
    this.beforeCommit(writes);
    for (const { table, key, value } of writes) {
      const rows = this.#rows.get(table) ?? new Map<string, Uint8Array>();
      if (value === null) rows.delete(key);
      else rows.set(key, value.slice());
      this.#rows.set(table, rows);
    }
    this.commits++;
    this.afterCommit();
  }

  async close(): Promise<void> {}

  /** A second store over the same rows, as another tab has it. */
  otherTab(): MemoryStore {
    return new MemoryStore(this.#rows);
  }

  /** An independent copy, as a restored disk image. */
  copy(): MemoryStore {
    const rows = [...this.#rows].map(([table, entries]) => [table, new Map(entries)] as const);
    return new MemoryStore(new Map(rows));
  }

  /** Every row as text, to compare whole states. */
  dump(): string {
    const tables = [...this.#rows].map(
      ([table, rows]) =>
        [table, [...rows].map(([key, value]) => [key, Buffer.from(value).toString("base64")])] as const,
    );
    return JSON.stringify(tables.map(([table, rows]) => [table, rows.sort()]).sort());
  }
}
