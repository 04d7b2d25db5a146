import { toBase64 } from "./bytes.ts";
import { keyIdRow } from "./prekeys.ts";
import type { Transaction } from "./store.ts";

/**
 * First messages that used a key which is not deleted by its use. Without this a server could deliver such a
 * message again after its session is gone, and it would open a second time.
 */
const TABLE = "e2ee-prekey-use";

export type PrekeyUse = { kemKeyId: number; signedPrekeyId: number; baseKey: Uint8Array };

function useRow({ kemKeyId, signedPrekeyId, baseKey }: PrekeyUse): string {
  return `${keyIdRow(kemKeyId)}.${keyIdRow(signedPrekeyId)}.${toBase64(baseKey)}`;
}

export async function wasUsed(tx: Transaction, use: PrekeyUse): Promise<boolean> {
  return (await tx.get(TABLE, useRow(use))) !== undefined;
}

export function rememberUse(tx: Transaction, use: PrekeyUse): void {
  tx.put(TABLE, useRow(use), Uint8Array.of(1));
}

/** Forgets the uses of a KEM key that is itself gone; `kemKeyRow` is its row key. */
export async function forgetUses(tx: Transaction, kemKeyRow: string): Promise<void> {
  // "." is followed by "/" in code unit order.
  for (const { key } of await tx.list(TABLE, { from: `${kemKeyRow}.`, to: `${kemKeyRow}/` })) {
    tx.delete(TABLE, key);
  }
}
