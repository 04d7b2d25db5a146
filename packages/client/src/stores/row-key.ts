import type { Write } from "@sotto/e2ee/store";

const PRINTABLE_ASCII = /^[\x20-\x7e]{1,512}$/;

/**
 * Tables and keys are printable ASCII: there the order of UTF-16 code units, of UTF-8 bytes (SQLite) and of IndexedDB
 * is one and the same, so that `list` answers alike in every store.
 */
export function checkRowKey(table: string, key: string): void {
  if (!PRINTABLE_ASCII.test(table) || !PRINTABLE_ASCII.test(key)) {
    throw new TypeError(`Not a row key: ${JSON.stringify(table)} ${JSON.stringify(key)}`);
  }
}

export function checkWrites(writes: readonly Write[]): void {
  for (const { table, key } of writes) checkRowKey(table, key);
}
