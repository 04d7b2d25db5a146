import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, randomBytes } from "./bytes.ts";

const { Point } = ed25519;
const GROUP_ORDER = Point.Fn.ORDER;
const FIELD_ORDER = Point.Fp.ORDER;

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index] ?? 0);
  return value;
}

function toLittleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let index = 0; index < 32; index++) {
    bytes[index] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** The Edwards key of an X25519 private key, with the scalar negated where needed to make the sign bit zero. */
function edwardsKey(privateKey: Uint8Array): { scalar: bigint; publicKey: Uint8Array } {
  const clamped = privateKey.slice();
  clamped[0] = (clamped[0] ?? 0) & 248;
  clamped[31] = ((clamped[31] ?? 0) & 127) | 64;
  const scalar = fromLittleEndian(clamped) % GROUP_ORDER;
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  const sign = (publicKey[31] ?? 0) & 128;
  publicKey[31] = (publicKey[31] ?? 0) & 127;
  return { scalar: sign === 0 ? scalar : GROUP_ORDER - scalar, publicKey };
}

/**
 * XEdDSA (Signal, "The XEdDSA and VXEdDSA Signature Schemes", 2016) with a 32-byte X25519 private key.
 * Returns R || s, 64 bytes; the top bit of s is always zero.
 */
export function signXeddsa(
  privateKey: Uint8Array,
  message: Uint8Array,
  nonce: Uint8Array = randomBytes(64),
): Uint8Array {
  const { scalar, publicKey } = edwardsKey(privateKey);
  const prefix = new Uint8Array(32).fill(255);
  prefix[0] = 254;
  const r = fromLittleEndian(sha512(concat(prefix, toLittleEndian(scalar), message, nonce))) % GROUP_ORDER;
  const commitment = Point.BASE.multiply(r).toBytes();
  const challenge = fromLittleEndian(sha512(concat(commitment, publicKey, message))) % GROUP_ORDER;
  return concat(commitment, toLittleEndian((r + challenge * scalar) % GROUP_ORDER));
}

/** The Ed25519 public key (RFC 8032) with sign bit zero that belongs to a 32-byte X25519 public key. */
export function edwardsPublicKey(publicKey: Uint8Array): Uint8Array | undefined {
  const u = fromLittleEndian(publicKey);
  // u = p - 1 has no Edwards counterpart; u >= p is a second spelling of another key.
  if (publicKey.length !== 32 || u >= FIELD_ORDER - 1n) return undefined;
  const { Fp } = Point;
  return toLittleEndian(Fp.mul(Fp.sub(u, 1n), Fp.inv(Fp.add(u, 1n))));
}

/**
 * Verifies an XEdDSA signature against a 32-byte X25519 public key. The top bit of s, when set, is the sign
 * of the Edwards key, as libsignal's own signer leaves it there. Never throws.
 */
export function verifyXeddsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const edwards = edwardsPublicKey(publicKey);
  if (edwards === undefined || signature.length !== 64) return false;
  const plain = signature.slice();
  const sign = (plain[63] ?? 0) & 128;
  plain[63] = (plain[63] ?? 0) & 127;
  edwards[31] = (edwards[31] ?? 0) | sign;
  try {
    return ed25519.verify(plain, message, edwards, { zip215: false });
  } catch {
    return false;
  }
}
