import { ed25519 } from "@noble/curves/ed25519.js";
import { randomBytes } from "./bytes.ts";
import { E2eeError } from "./errors.ts";
import type { Transaction } from "./store.ts";

const TABLE = "e2ee-account";
const KEY = "private-key";

/** Makes the Ed25519 account key, once per account; throws `bad_input` when there is one. Returns the public key. */
export async function createAccount(tx: Transaction): Promise<Uint8Array> {
  return importAccount(tx, randomBytes(32));
}

/** Stores the account key that another device of the account sent (32 bytes, RFC 8032 seed). Returns the public key. */
export async function importAccount(tx: Transaction, privateKey: Uint8Array): Promise<Uint8Array> {
  if (privateKey.length !== 32) throw new E2eeError("bad_input", "an account key is 32 bytes");
  if ((await tx.get(TABLE, KEY)) !== undefined) {
    throw new E2eeError("bad_input", "this store holds an account already");
  }
  tx.put(TABLE, KEY, privateKey);
  return ed25519.getPublicKey(privateKey);
}

/** The private account key, for a device that is being linked; throws `no_account`. */
export async function exportAccount(tx: Transaction): Promise<Uint8Array> {
  const privateKey = await tx.get(TABLE, KEY);
  if (privateKey === undefined) throw new E2eeError("no_account", "this store holds no account key");
  return privateKey;
}

/** The public account key, 32 bytes; throws `no_account`. */
export async function getAccountKey(tx: Transaction): Promise<Uint8Array> {
  return ed25519.getPublicKey(await exportAccount(tx));
}

/** Ed25519 by the account key; throws `no_account`. */
export async function signWithAccount(tx: Transaction, message: Uint8Array): Promise<Uint8Array> {
  return ed25519.sign(message, await exportAccount(tx));
}
