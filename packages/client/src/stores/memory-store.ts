import type { DeviceStore, Write } from "@sotto/e2ee/store";
import { SottoError } from "../sotto-error.ts";
import { checkRowKey, checkWrites } from "./row-key.ts";
import type { StoreOpener } from "./store-opener.ts";

type Row = { readonly key: string; readonly value: Uint8Array };

/**
 * A store that lives as long as this object: for tests and for bots that may forget.
 * Opened again after `close()` it still holds its rows, like a file would; one client at a time.
 */
export function memoryStore(): StoreOpener {
  const tables = new Map<string, Map<string, Uint8Array>>();
  let isOpen = false;
  return {
    async open() {
      if (isOpen) throw new SottoError("store_in_use", "This memory store is open in another client");
      isOpen = true;
      return openMemoryStore(tables, () => {
        isOpen = false;
      });
    },
  };
}

function openMemoryStore(tables: Map<string, Map<string, Uint8Array>>, released: () => void): DeviceStore {
  let closed = false;
  const assertOpen = () => {
    if (closed) throw new SottoError("closed", "The store is closed");
  };
  return {
    async get(table, key) {
      assertOpen();
      checkRowKey(table, key);
      return tables.get(table)?.get(key)?.slice();
    },
    async list(table, range = {}) {
      assertOpen();
      return select([...(tables.get(table) ?? [])], range);
    },
    async commit(writes) {
      assertOpen();
      checkWrites(writes);
      for (const write of writes) apply(tables, write);
    },
    async close() {
      if (closed) return;
      closed = true;
      released();
    },
  };
}

function select(
  entries: readonly (readonly [string, Uint8Array])[],
  range: { from?: string; to?: string; limit?: number },
): Row[] {
  const { from, to, limit } = range;
  return entries
    .filter(([key]) => (from === undefined || key >= from) && (to === undefined || key < to))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit ?? entries.length)
    .map(([key, value]) => ({ key, value: value.slice() }));
}

function apply(tables: Map<string, Map<string, Uint8Array>>, { table, key, value }: Write): void {
  let rows = tables.get(table);
  if (rows === undefined) {
    rows = new Map();
    tables.set(table, rows);
  }
  if (value === null) rows.delete(key);
  else rows.set(key, value.slice());
}
