const COEFFICIENTS_BYTES = 1152;
const MODULUS = 3329;
const KEY_BYTES = 1184;

/**
 * The modulus check of FIPS 203 section 7.2 for an ML-KEM-768 encapsulation key: 768 coefficients of 12 bits, each
 * below 3329, then a 32-byte seed. What fails it is not a key, and encapsulating to it would throw at the sender.
 */
export function isUsableKemKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false;
  for (let i = 0; i < COEFFICIENTS_BYTES; i += 3) {
    const middle = publicKey[i + 1] ?? 0;
    const first = (publicKey[i] ?? 0) | ((middle & 0x0f) << 8);
    const second = (middle >> 4) | ((publicKey[i + 2] ?? 0) << 4);
    if (first >= MODULUS || second >= MODULUS) return false;
  }
  return true;
}
