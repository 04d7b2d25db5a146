import { equalBytes, randomBytes } from "./bytes.ts";
import { E2eeError } from "./errors.ts";

/** One row to write; a null value deletes it. */
export type Write = { readonly table: string; readonly key: string; readonly value: Uint8Array | null };

export type Row = { key: string; value: Uint8Array };

/** `from` is inclusive, `to` exclusive; keys are ordered by UTF-16 code unit. */
export type KeyRange = { from?: string; to?: string; limit?: number };

export interface StoreReader {
  get(table: string, key: string): Promise<Uint8Array | undefined>;
  list(table: string, range?: KeyRange): Promise<Row[]>;
}

/** The durable rows of one device. A commit is all or nothing, and durable when it resolves. */
export interface DeviceStore extends StoreReader {
  commit(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}

/** Reads see the transaction's own writes. */
export interface Transaction extends StoreReader {
  put(table: string, key: string, value: Uint8Array): void;
  delete(table: string, key: string): void;
  /**
   * Runs `fn` on a transaction of its own, whose writes join this one only when `fn` resolves. Nested
   * transactions of one parent run one at a time.
   */
  nested<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}

export type Transactor = { transact<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> };

class Overlay implements Transaction {
  readonly #below: StoreReader;
  readonly #tables = new Map<string, Map<string, Uint8Array | null>>();
  #nestedTail: Promise<unknown> = Promise.resolve();
  #open = true;

  constructor(below: StoreReader) {
    this.#below = below;
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    const written = this.#tables.get(table)?.get(key);
    if (written === undefined) return this.#below.get(table, key);
    return written === null ? undefined : written.slice();
  }

  async list(table: string, range: KeyRange = {}): Promise<Row[]> {
    const written = this.#tables.get(table);
    if (written === undefined) return this.#below.list(table, range);
    const { limit, ...bounds } = range;
    // Each own write can hide at most one row below, so this many are enough to fill the limit.
    const below = limit === undefined ? bounds : { ...bounds, limit: limit + written.size };
    const rows = new Map((await this.#below.list(table, below)).map((row) => [row.key, row.value]));
    for (const [key, value] of written) {
      const inRange =
        (range.from === undefined || key >= range.from) && (range.to === undefined || key < range.to);
      if (value === null) rows.delete(key);
      else if (inRange) rows.set(key, value.slice());
    }
    const ordered = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
    return limit === undefined ? ordered : ordered.slice(0, limit);
  }

  put(table: string, key: string, value: Uint8Array): void {
    this.#write(table, key, value.slice());
  }

  delete(table: string, key: string): void {
    this.#write(table, key, null);
  }

  nested<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const result = this.#nestedTail.then(() => this.#runNested(fn));
    this.#nestedTail = result.catch(() => undefined);
    return result;
  }

  async #runNested<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const inner = new Overlay(this);
    try {
      const result = await fn(inner);
      for (const { table, key, value } of inner.writes()) this.#write(table, key, value);
      return result;
    } finally {
      inner.end();
    }
  }

  writes(): Write[] {
    return [...this.#tables].flatMap(([table, rows]) =>
      [...rows].map(([key, value]) => ({ table, key, value })),
    );
  }

  /** After this a forgotten `await` cannot slip a write past the commit unseen. */
  end(): void {
    this.#open = false;
  }

  #write(table: string, key: string, value: Uint8Array | null): void {
    if (!this.#open) throw new E2eeError("transaction_closed", `a write to ${table} came after the end`);
    const rows = this.#tables.get(table) ?? new Map<string, Uint8Array | null>();
    rows.set(key, value);
    this.#tables.set(table, rows);
  }
}

const OWNER_TABLE = "e2ee-owner";
const OWNER_KEY = "owner";
const transactors = new WeakMap<DeviceStore, Transactor>();

/**
 * Runs transactions over a store one at a time; a transaction must not start another one and wait for it.
 * Nothing is written when `fn` throws. The same store object always gets the same transactor.
 *
 * Two transactors over the same data (a second tab, a second process) would encrypt twice with the same
 * ratchet key. Each therefore signs its first commit with an owner row and refuses with `store_taken` once
 * somebody else has signed after it. This notices a take-over; it does not replace the lock of `ownership.ts`
 * or of the store, which prevents one.
 */
export function createTransactor(store: DeviceStore): Transactor {
  const known = transactors.get(store);
  if (known !== undefined) return known;
  const owner = randomBytes(16);
  let claimed = false;
  let tail: Promise<unknown> = Promise.resolve();

  async function run<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const current = await store.get(OWNER_TABLE, OWNER_KEY);
    if (claimed && (current === undefined || !equalBytes(current, owner))) {
      throw new E2eeError("store_taken", "another tab or process has opened this store");
    }
    const overlay = new Overlay(store);
    if (!claimed) overlay.put(OWNER_TABLE, OWNER_KEY, owner);
    try {
      const result = await fn(overlay);
      const writes = overlay.writes();
      if (writes.length > 0) await store.commit(writes);
      claimed = true;
      return result;
    } finally {
      overlay.end();
    }
  }

  const transactor: Transactor = {
    transact(fn) {
      const result = tail.then(() => run(fn));
      tail = result.catch(() => undefined);
      return result;
    },
  };
  transactors.set(store, transactor);
  return transactor;
}
