import { concat, exactBuffer, utf8 } from "./bytes.ts";
import { libraryCurve } from "./curve.ts";
import { E2eeError } from "./errors.ts";
import type { Transaction } from "./store.ts";
import { decodeRow, encodeRow } from "./stored-row.ts";
import { signXeddsa, verifyXeddsa } from "./xeddsa.ts";

const TABLE = "e2ee-device";
const KEY = "self";

/** Contexts in which the identity key signs inside this package only. */
export const KEM_PREKEY_CONTEXT = "sotto/kem-prekey/1";
const RESERVED_CONTEXTS = new Set([KEM_PREKEY_CONTEXT]);

/** A key pair of the Signal curve: private key 32 bytes, public key 33 (the type byte 5, then X25519). */
export type CurveKeyPair = { publicKey: Uint8Array; privateKey: Uint8Array };

/** This device: its ids and its identity key. */
export type OwnDevice = CurveKeyPair & { accountId: string; deviceId: string; registrationId: number };

export async function generateCurveKeyPair(): Promise<CurveKeyPair> {
  const seed = globalThis.crypto.getRandomValues(new Uint8Array(32));
  const { pubKey, privKey } = await libraryCurve.keyPair(exactBuffer(seed));
  return {
    publicKey: concat(Uint8Array.of(5), new Uint8Array(pubKey)),
    privateKey: new Uint8Array(privKey),
  };
}

/** Whether these bytes are a serialized public key: the type byte 5, then 32 bytes. */
export function isPublicKey(key: Uint8Array): boolean {
  return key.length === 33 && key[0] === 5;
}

export async function findOwnDevice(tx: Transaction): Promise<OwnDevice | undefined> {
  const row = await tx.get(TABLE, KEY);
  return row === undefined ? undefined : decodeRow<OwnDevice>(row);
}

/** Throws `no_device` before `createDevice`. */
export async function getOwnDevice(tx: Transaction): Promise<OwnDevice> {
  const device = await findOwnDevice(tx);
  if (device === undefined) throw new E2eeError("no_device", "this store holds no device keys");
  return device;
}

export function putOwnDevice(tx: Transaction, device: OwnDevice): void {
  tx.put(TABLE, KEY, encodeRow(device));
}

/** What an identity signature covers: context || 00 || data. */
export function identitySignedBytes(context: string, data: Uint8Array): Uint8Array {
  // A printable first character keeps this apart from signed prekeys, whose signed bytes start with 5.
  if (!/^[!-~]+$/.test(context)) throw new E2eeError("bad_input", "a context is printable ASCII");
  return concat(utf8(context), Uint8Array.of(0), data);
}

/** XEdDSA by the device's identity key over context || 00 || data; throws `bad_input` for a reserved context. */
export async function signWithIdentity(
  tx: Transaction,
  context: string,
  data: Uint8Array,
): Promise<Uint8Array> {
  if (RESERVED_CONTEXTS.has(context)) throw new E2eeError("bad_input", `${context} is reserved`);
  const { privateKey } = await getOwnDevice(tx);
  return signXeddsa(privateKey, identitySignedBytes(context, data));
}

/** Checks what `signWithIdentity` made; the identity key is 33 bytes. */
export function verifyWithIdentity(
  identityKey: Uint8Array,
  context: string,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  return (
    isPublicKey(identityKey) &&
    verifyXeddsa(identityKey.slice(1), identitySignedBytes(context, data), signature)
  );
}
