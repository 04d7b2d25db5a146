import { sha256 } from "@noble/hashes/sha2.js";
import { concat, u64 } from "./bytes.ts";
import { getOwnDevice } from "./identity.ts";
import { forgetUses } from "./prekey-uses.ts";
import {
  getCurrentPrekeys,
  keyIdRow,
  makeLastResortPrekey,
  makeOneTimeKemPrekeys,
  makeOneTimePrekeys,
  makeSignedPrekey,
  type PublicPrekey,
  prekeyTables,
  putCurrentPrekeyIds,
  type SignedPublicPrekey,
  type StoredLastResort,
  type StoredSignedPrekey,
  takeUsedPrekeys,
} from "./prekeys.ts";
import type { Row, Transaction } from "./store.ts";
import { decodeRow, encodeRow } from "./stored-row.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Signed prekey and last-resort key are replaced after this. */
export const PREKEY_ROTATION_MS = 2 * DAY_MS;
/** A replaced key still opens first messages for this long. */
export const RETIRED_PREKEY_MS = 30 * DAY_MS;
/** Private one-time keys kept of each kind, however many were made: ten uploads' worth. */
const MAX_ONE_TIME_KEYS = 1000;

export type OneTimePrekeys = { oneTimePrekeys: PublicPrekey[]; oneTimeKemPrekeys: SignedPublicPrekey[] };
export type RotatedPrekeys = { signedPrekey: SignedPublicPrekey; lastResortKemPrekey: SignedPublicPrekey };

/** Deletes the oldest private one-time keys beyond the bound: their public halves were replaced long ago. */
async function dropExcess(tx: Transaction, table: string): Promise<void> {
  const rows = await tx.list(table);
  for (const { key } of rows.slice(0, Math.max(0, rows.length - MAX_ONE_TIME_KEYS))) tx.delete(table, key);
}

/** Makes one-time prekeys of both kinds and returns the public parts to upload; they replace the server's. */
export async function replenishPrekeys(
  tx: Transaction,
  count: { ec: number; kem: number },
): Promise<OneTimePrekeys> {
  const device = await getOwnDevice(tx);
  const oneTimePrekeys = await makeOneTimePrekeys(tx, count.ec);
  const oneTimeKemPrekeys = await makeOneTimeKemPrekeys(tx, device, count.kem);
  await dropExcess(tx, prekeyTables.ec);
  await dropExcess(tx, prekeyTables.kem);
  return { oneTimePrekeys, oneTimeKemPrekeys };
}

/** Whether the signed prekey and the last-resort key are due for replacement (`now` in ms). */
export async function isRotationDue(tx: Transaction, now: number): Promise<boolean> {
  const { signed } = await getCurrentPrekeys(tx);
  return now - signed.createdAt >= PREKEY_ROTATION_MS;
}

/** The public parts in force, to upload again when the server's differ. */
export async function currentPrekeys(tx: Transaction): Promise<RotatedPrekeys> {
  const { signed, lastResort } = await getCurrentPrekeys(tx);
  return { signedPrekey: publicPart(signed), lastResortKemPrekey: publicPart(lastResort) };
}

function publicPart({ keyId, publicKey, signature }: SignedPublicPrekey): SignedPublicPrekey {
  return { keyId, publicKey, signature };
}

/** Makes a new signed prekey and last-resort key; the old ones retire at `now` (ms). */
export async function rotateSignedPrekeys(tx: Transaction, now: number): Promise<RotatedPrekeys> {
  const device = await getOwnDevice(tx);
  const { signed, lastResort } = await getCurrentPrekeys(tx);
  const { keyId: signedId, ...oldSigned } = signed;
  const { keyId: lastResortId, ...oldLastResort } = lastResort;
  tx.put(prekeyTables.signed, keyIdRow(signedId), encodeRow({ ...oldSigned, retiredAt: now }));
  tx.put(prekeyTables.lastResort, keyIdRow(lastResortId), encodeRow({ ...oldLastResort, retiredAt: now }));
  const signedPrekey = await makeSignedPrekey(tx, device, now);
  const lastResortKemPrekey = await makeLastResortPrekey(tx, device, now);
  putCurrentPrekeyIds(tx, signedPrekey.keyId, lastResortKemPrekey.keyId);
  return { signedPrekey, lastResortKemPrekey };
}

function isExpired(row: Row, now: number): boolean {
  const { retiredAt } = decodeRow<StoredSignedPrekey | StoredLastResort>(row.value);
  return retiredAt !== undefined && now - retiredAt > RETIRED_PREKEY_MS;
}

/** Deletes the private keys that retired more than 30 days before `now` (ms), and what was remembered of their use. */
export async function dropExpiredPrekeys(tx: Transaction, now: number): Promise<void> {
  for (const row of await tx.list(prekeyTables.signed)) {
    if (isExpired(row, now)) tx.delete(prekeyTables.signed, row.key);
  }
  for (const row of await tx.list(prekeyTables.lastResort)) {
    if (!isExpired(row, now)) continue;
    tx.delete(prekeyTables.lastResort, row.key);
    await forgetUses(tx, row.key);
  }
}

/** Deletes the one-time keys that `keepUsedPrekeys` kept; call when the backlog is drained. */
export async function dropUsedPrekeys(tx: Transaction): Promise<void> {
  for (const { table, row } of await takeUsedPrekeys(tx)) {
    tx.delete(table, row);
    if (table === prekeyTables.kem) await forgetUses(tx, row);
  }
}

/** SHA-256(identityKey || signedId (8 B BE) || signedKey || lastResortId (8 B BE) || lastResortKey). */
export async function keyDigest(tx: Transaction): Promise<Uint8Array> {
  const { publicKey } = await getOwnDevice(tx);
  const { signed, lastResort } = await getCurrentPrekeys(tx);
  return sha256(
    concat(publicKey, u64(signed.keyId), signed.publicKey, u64(lastResort.keyId), lastResort.publicKey),
  );
}
