import { ed25519 } from "@noble/curves/ed25519.js";

const { Fp } = ed25519.Point;

/** The byte before a serialized X25519 public key. */
const DJB_TYPE = 5;
const PUBLIC_KEY_BYTES = 33;
/** Where the sign of the signer's Edwards point travels: the top bit of `s`, which Ed25519 leaves at zero. */
const SIGN_BIT = 0x80;
/** Of a signature, R || s. */
const LAST_BYTE = 63;

/**
 * u-coordinates of the points of low order on Curve25519 and its twist, below p (RFC 7748 section 6.1 asks to refuse
 * what they lead to: an all-zero shared secret).
 */
const LOW_ORDER_U: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  Fp.ORDER - 1n,
]);

/** The u-coordinate of a serialized X25519 key, or undefined when it is not canonical or of low order. */
function readU(publicKey: Uint8Array): bigint | undefined {
  if (publicKey.length !== PUBLIC_KEY_BYTES || publicKey[0] !== DJB_TYPE) return undefined;
  let u = 0n;
  for (let i = PUBLIC_KEY_BYTES - 1; i > 0; i--) u = (u << 8n) | BigInt(publicKey[i] ?? 0);
  return u < Fp.ORDER && !LOW_ORDER_U.has(u) ? u : undefined;
}

/** Whether 33 bytes are a serialized X25519 public key that a key agreement can use. */
export function isUsablePublicKey(publicKey: Uint8Array): boolean {
  return readU(publicKey) !== undefined;
}

/** Verifies XEdDSA signatures by one identity key; never throws on what a signer sent. */
export type SignatureVerifier = (message: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/**
 * A verifier for one X25519 identity key (33 bytes), or undefined when the key is not usable.
 *
 * XEdDSA (https://signal.org/docs/specifications/xeddsa/) in libsignal's form: the Edwards point has the y-coordinate
 * (u - 1) / (u + 1) and the sign that stands in the top bit of the signature. The point is computed once; each signature
 * is then one native Ed25519 verification (RFC 8032) off the event loop.
 */
export function createSignatureVerifier(identityKey: Uint8Array): SignatureVerifier | undefined {
  const u = readU(identityKey);
  if (u === undefined) return undefined;
  const y = Fp.toBytes(Fp.div(Fp.sub(u, Fp.ONE), Fp.add(u, Fp.ONE)));
  // Half of all u belong to the twist: there is no Edwards point, so there can be no signature.
  if (!isStrongPoint(y)) return undefined;
  const keys = new Map<number, Promise<CryptoKey>>();
  const keyOfSign = (sign: number): Promise<CryptoKey> => {
    const known = keys.get(sign);
    if (known !== undefined) return known;
    const point = Uint8Array.from(y);
    point[31] = (point[31] ?? 0) | sign;
    const key = importEd25519(point);
    keys.set(sign, key);
    return key;
  };
  return async (message, signature) => {
    const last = signature[LAST_BYTE] ?? 0;
    const plain = Uint8Array.from(signature);
    plain[LAST_BYTE] = last & ~SIGN_BIT;
    return verifyWith(await keyOfSign(last & SIGN_BIT), message, plain);
  };
}

/**
 * Verifies an Ed25519 signature by an account key. False for a key that is no point of the curve or one of low order,
 * for which anybody can make signatures.
 */
export async function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (!isStrongPoint(publicKey)) return false;
  return verifyWith(await importEd25519(Uint8Array.from(publicKey)), message, Uint8Array.from(signature));
}

function isStrongPoint(publicKey: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(publicKey).isSmallOrder();
  } catch {
    // The library's way to say "not a point".
    return false;
  }
}

function importEd25519(point: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"]);
}

function verifyWith(
  key: CryptoKey,
  message: Uint8Array,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return crypto.subtle.verify("Ed25519", key, signature, Uint8Array.from(message));
}
