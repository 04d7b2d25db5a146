import { sha512 } from "@noble/hashes/sha2.js";
import { concat, utf8 } from "./bytes.ts";

/** Signal's count; each side of the number costs this many SHA-512. */
const ITERATIONS = 5200;

function displayChunk(hash: Uint8Array, offset: number): string {
  const value = hash.slice(offset, offset + 5).reduce((sum, byte) => sum * 256 + byte, 0);
  return String(value % 100_000).padStart(5, "0");
}

function displayString(id: string, key: Uint8Array, iterations: number): string {
  // The leading two bytes are the fingerprint's version, 0.
  let hash: Uint8Array = concat(new Uint8Array(2), key, utf8(id));
  for (let round = 0; round < iterations; round++) hash = sha512(concat(hash, key));
  return [0, 5, 10, 15, 20, 25].map((offset) => displayChunk(hash, offset)).join("");
}

/**
 * The safety number of two accounts: 60 digits, the same from both sides. Ids are ASCII (account ids). The
 * algorithm is that of libsignal's FingerprintGenerator version 0, over the two Ed25519 account keys.
 */
export async function safetyNumber(
  accountKeyA: Uint8Array,
  idA: string,
  accountKeyB: Uint8Array,
  idB: string,
  iterations: number = ITERATIONS,
): Promise<string> {
  return [displayString(idA, accountKeyA, iterations), displayString(idB, accountKeyB, iterations)]
    .sort()
    .join("");
}
