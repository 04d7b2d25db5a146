import { ml_kem768 as portable } from "@noble/post-quantum/ml-kem.js";
import { ml_kem768 as native } from "@noble/post-quantum/webcrypto.js";
import { refuseZeroSecret } from "./curve.ts";
import { E2eeError } from "./errors.ts";

/** ML-KEM-768 (FIPS 203). Private keys are kept as their 64-byte seed (d || z). Lengths in bytes. */
export const KEM_PUBLIC_KEY_LENGTH = 1184;
export const KEM_CIPHERTEXT_LENGTH = 1088;

export type KemKeyPair = { publicKey: Uint8Array; seed: Uint8Array };

export async function generateKemKeyPair(): Promise<KemKeyPair> {
  const { publicKey, secretKey } = (await native.isSupported()) ? await native.keygen() : portableKeyPair();
  return { publicKey, seed: secretKey };
}

function portableKeyPair(): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const seed = globalThis.crypto.getRandomValues(new Uint8Array(64));
  return { publicKey: portable.keygen(seed).publicKey, secretKey: seed };
}

/** Throws `bad_key` for a public key that fails the modulus check of FIPS 203, 7.2. */
export async function encapsulate(
  publicKey: Uint8Array,
): Promise<{ ciphertext: Uint8Array; secret: Uint8Array }> {
  try {
    const { cipherText, sharedSecret } = (await native.isSupported())
      ? await native.encapsulate(publicKey)
      : portable.encapsulate(publicKey);
    return { ciphertext: cipherText, secret: refuseZeroSecret(sharedSecret) };
  } catch (cause) {
    throw new E2eeError("bad_key", "the ML-KEM key cannot be used", { cause });
  }
}

/** Implicit rejection: a damaged ciphertext gives another secret, and the layer above fails to authenticate. */
export async function decapsulate(ciphertext: Uint8Array, seed: Uint8Array): Promise<Uint8Array> {
  const secret = (await native.isSupported())
    ? await native.decapsulate(ciphertext, seed)
    : portable.decapsulate(ciphertext, portable.keygen(seed).secretKey);
  return refuseZeroSecret(secret);
}
