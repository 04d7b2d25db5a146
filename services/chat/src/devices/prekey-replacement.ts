import type { PlainKey, SignedKey } from "./key-parts.ts";

/** The highest id of these keys, or `known` when that is higher. */
export function highestKeyId(keys: readonly PlainKey[], known: number): number {
  return keys.reduce((highest, { keyId }) => Math.max(highest, keyId), known);
}

/**
 * Ids of an upload that were used before: those up to the highest ever uploaded, but for keys that are stored unchanged.
 * A key that was handed out is not stored any more, so it can never be handed out again, and no id ever names two keys.
 */
export function findReusedIds(
  upload: readonly PlainKey[],
  stored: readonly PlainKey[],
  highestId: number,
): number[] {
  const known = new Map(stored.map(({ keyId, publicKey }) => [keyId, publicKey]));
  return upload
    .filter(({ keyId, publicKey }) => keyId <= highestId && !known.get(keyId)?.equals(publicKey))
    .map(({ keyId }) => keyId);
}

/** What an upload of a signed prekey or last-resort key means beside the stored one; ids only rise. */
export function compareSignedKey(upload: SignedKey, stored: PlainKey): "same" | "newer" | "reused" {
  if (upload.keyId > stored.keyId) return "newer";
  return upload.keyId === stored.keyId && upload.publicKey.equals(stored.publicKey) ? "same" : "reused";
}
