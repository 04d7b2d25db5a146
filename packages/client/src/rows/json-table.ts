import type { KeyRange, StoreReader, Transaction } from "@sotto/e2ee/store";
import { fromUtf8, toUtf8 } from "../bytes.ts";

/** Rows of one table as JSON values. Bytes inside are base64. */
export type JsonTable<T> = {
  get(reader: StoreReader, key: string): Promise<T | undefined>;
  list(reader: StoreReader, range?: KeyRange): Promise<{ key: string; value: T }[]>;
  put(tx: Transaction, key: string, value: T): void;
  delete(tx: Transaction, key: string): void;
};

/** What is read was written by this table in an earlier life of the same code base, so it is not validated again. */
export function jsonTable<T>(name: string): JsonTable<T> {
  return {
    async get(reader, key) {
      const bytes = await reader.get(name, key);
      return bytes === undefined ? undefined : decode<T>(bytes);
    },
    async list(reader, range) {
      const rows = await reader.list(name, range);
      return rows.map(({ key, value }) => ({ key, value: decode<T>(value) }));
    },
    put(tx, key, value) {
      tx.put(name, key, toUtf8(JSON.stringify(value)));
    },
    delete(tx, key) {
      tx.delete(name, key);
    },
  };
}

function decode<T>(bytes: Uint8Array): T {
  return JSON.parse(fromUtf8(bytes)) as T;
}

/** A number as a key: 16 digits, so that the order of keys is the order of numbers. */
export function numberKey(value: number): string {
  return String(value).padStart(16, "0");
}

const counters = jsonTable<number>("client-counter");

/** The next number of a counter: 1, 2, 3; never twice, unless the transaction fails. */
export async function nextNumber(tx: Transaction, counter: "message" | "feed" | "queue"): Promise<number> {
  const next = ((await counters.get(tx, counter)) ?? 0) + 1;
  counters.put(tx, counter, next);
  return next;
}

/** The last number that `nextNumber` gave, 0 when none. */
export async function lastNumber(
  reader: StoreReader,
  counter: "message" | "feed" | "queue",
): Promise<number> {
  return (await counters.get(reader, counter)) ?? 0;
}
