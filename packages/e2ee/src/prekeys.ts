import { concat, u32 } from "./bytes.ts";
import { isKeyId } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import {
  type CurveKeyPair,
  generateCurveKeyPair,
  identitySignedBytes,
  KEM_PREKEY_CONTEXT,
  type OwnDevice,
} from "./identity.ts";
import { generateKemKeyPair, type KemKeyPair } from "./kem.ts";
import type { Transaction } from "./store.ts";
import { decodeRow, encodeRow } from "./stored-row.ts";
import { signXeddsa } from "./xeddsa.ts";

export type PublicPrekey = { readonly keyId: number; readonly publicKey: Uint8Array };
export type SignedPublicPrekey = PublicPrekey & { readonly signature: Uint8Array };

/** `createdAt` and `retiredAt` are ms since the epoch. */
type Lifetime = { createdAt: number; retiredAt?: number };
export type StoredSignedPrekey = CurveKeyPair & Lifetime & { signature: Uint8Array };
export type StoredKemPrekey = KemKeyPair & { signature: Uint8Array };
export type StoredLastResort = StoredKemPrekey & Lifetime;

/** One table for each kind of private prekey. */
export const prekeyTables = {
  signed: "e2ee-signed-prekey",
  lastResort: "e2ee-last-resort-prekey",
  ec: "e2ee-one-time-prekey",
  kem: "e2ee-one-time-kem-prekey",
} as const;

const STATE_TABLE = "e2ee-prekey-state";

/** Row keys sort like the ids. */
export function keyIdRow(keyId: number): string {
  return String(keyId).padStart(10, "0");
}

/** The next id for any kind of key: random start, then increasing, never used twice by a device. */
async function takeKeyId(tx: Transaction): Promise<number> {
  const row = await tx.get(STATE_TABLE, "next-id");
  const start = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const keyId = row === undefined ? 1 + (start >>> 2) : decodeRow<{ next: number }>(row).next;
  if (!isKeyId(keyId)) throw new E2eeError("key_ids_exhausted", "this device has used all its key ids");
  tx.put(STATE_TABLE, "next-id", encodeRow({ next: keyId + 1 }));
  return keyId;
}

/** What the identity key signs for a KEM prekey, after the context: key id (u32 BE), then the public key. */
export function kemPrekeySignedBytes({ keyId, publicKey }: PublicPrekey): Uint8Array {
  return identitySignedBytes(KEM_PREKEY_CONTEXT, concat(u32(keyId), publicKey));
}

export async function makeSignedPrekey(
  tx: Transaction,
  device: OwnDevice,
  now: number,
): Promise<SignedPublicPrekey> {
  const keyId = await takeKeyId(tx);
  const pair = await generateCurveKeyPair();
  const signature = signXeddsa(device.privateKey, pair.publicKey);
  tx.put(prekeyTables.signed, keyIdRow(keyId), encodeRow({ ...pair, signature, createdAt: now }));
  return { keyId, publicKey: pair.publicKey, signature };
}

async function makeKemPrekey(
  tx: Transaction,
  device: OwnDevice,
  table: string,
  lifetime: Lifetime | undefined,
): Promise<SignedPublicPrekey> {
  const keyId = await takeKeyId(tx);
  const pair = await generateKemKeyPair();
  const signature = signXeddsa(device.privateKey, kemPrekeySignedBytes({ keyId, publicKey: pair.publicKey }));
  tx.put(table, keyIdRow(keyId), encodeRow({ ...pair, signature, ...lifetime }));
  return { keyId, publicKey: pair.publicKey, signature };
}

export function makeLastResortPrekey(
  tx: Transaction,
  device: OwnDevice,
  now: number,
): Promise<SignedPublicPrekey> {
  return makeKemPrekey(tx, device, prekeyTables.lastResort, { createdAt: now });
}

export async function makeOneTimePrekeys(tx: Transaction, count: number): Promise<PublicPrekey[]> {
  const made: PublicPrekey[] = [];
  for (let index = 0; index < count; index++) {
    const keyId = await takeKeyId(tx);
    const pair = await generateCurveKeyPair();
    tx.put(prekeyTables.ec, keyIdRow(keyId), encodeRow(pair));
    made.push({ keyId, publicKey: pair.publicKey });
  }
  return made;
}

export async function makeOneTimeKemPrekeys(
  tx: Transaction,
  device: OwnDevice,
  count: number,
): Promise<SignedPublicPrekey[]> {
  const made: SignedPublicPrekey[] = [];
  for (let index = 0; index < count; index++) {
    made.push(await makeKemPrekey(tx, device, prekeyTables.kem, undefined));
  }
  return made;
}

async function findPrekey<T>(tx: Transaction, table: string, keyId: number): Promise<T | undefined> {
  const row = await tx.get(table, keyIdRow(keyId));
  return row === undefined ? undefined : decodeRow<T>(row);
}

export function findSignedPrekey(tx: Transaction, keyId: number): Promise<StoredSignedPrekey | undefined> {
  return findPrekey(tx, prekeyTables.signed, keyId);
}

export function findOneTimePrekey(tx: Transaction, keyId: number): Promise<CurveKeyPair | undefined> {
  return findPrekey(tx, prekeyTables.ec, keyId);
}

/** A KEM private key by id, and whether it is a last-resort key, which may be used more than once. */
export async function findKemPrekey(
  tx: Transaction,
  keyId: number,
): Promise<(StoredKemPrekey & { isLastResort: boolean }) | undefined> {
  const oneTime = await findPrekey<StoredKemPrekey>(tx, prekeyTables.kem, keyId);
  if (oneTime !== undefined) return { ...oneTime, isLastResort: false };
  const lastResort = await findPrekey<StoredLastResort>(tx, prekeyTables.lastResort, keyId);
  return lastResort === undefined ? undefined : { ...lastResort, isLastResort: true };
}

/** The keys that are in force: the newest signed prekey and last-resort key. */
export type CurrentPrekeys = {
  signed: StoredSignedPrekey & { keyId: number };
  lastResort: StoredLastResort & { keyId: number };
};

export function putCurrentPrekeyIds(tx: Transaction, signedId: number, lastResortId: number): void {
  tx.put(STATE_TABLE, "current", encodeRow({ signedId, lastResortId }));
}

/** Throws `no_device` before `createDevice`. */
export async function getCurrentPrekeys(tx: Transaction): Promise<CurrentPrekeys> {
  const row = await tx.get(STATE_TABLE, "current");
  if (row === undefined) throw new E2eeError("no_device", "this store holds no prekeys");
  const { signedId, lastResortId } = decodeRow<{ signedId: number; lastResortId: number }>(row);
  const signed = await findSignedPrekey(tx, signedId);
  const lastResort = await findPrekey<StoredLastResort>(tx, prekeyTables.lastResort, lastResortId);
  if (signed === undefined || lastResort === undefined) {
    throw new E2eeError("no_device", "the current prekeys are missing from the store");
  }
  return { signed: { ...signed, keyId: signedId }, lastResort: { ...lastResort, keyId: lastResortId } };
}

const USED_TABLE = "e2ee-used-prekey";

/** Marks a one-time key whose deletion is postponed. */
export function keepUsedPrekey(tx: Transaction, table: string, keyId: number): void {
  tx.put(USED_TABLE, `${table}/${keyIdRow(keyId)}`, encodeRow({ table, row: keyIdRow(keyId) }));
}

/** Takes the list of one-time keys whose deletion was postponed. */
export async function takeUsedPrekeys(tx: Transaction): Promise<{ table: string; row: string }[]> {
  const rows = await tx.list(USED_TABLE);
  for (const { key } of rows) tx.delete(USED_TABLE, key);
  return rows.map(({ value }) => decodeRow<{ table: string; row: string }>(value));
}
