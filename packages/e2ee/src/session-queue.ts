import type { Transaction } from "./store.ts";

const queues = new WeakMap<Transaction, Promise<unknown>>();

/**
 * Runs the session operations of one transaction one after the other, in the order they were called. Two
 * encryptions for one device at once would both read the same chain key and use the same AES key and IV.
 */
export function inSessionQueue<T>(tx: Transaction, run: () => Promise<T>): Promise<T> {
  const result = (queues.get(tx) ?? Promise.resolve()).then(run);
  queues.set(
    tx,
    result.catch(() => undefined),
  );
  return result;
}
