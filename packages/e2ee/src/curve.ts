import { x25519 } from "@noble/curves/ed25519.js";
import type { AsyncCurve, KeyPair } from "@privacyresearch/curve25519-typescript";
import { concat, exactBuffer, isAllZero } from "./bytes.ts";
import { E2eeError } from "./errors.ts";
import { signXeddsa, verifyXeddsa } from "./xeddsa.ts";

/** PKCS #8 header (RFC 8410) of a raw X25519 private key. */
const PKCS8_HEADER = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);
const BASE_POINT = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 9 : 0));

async function agreeNatively(privateKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  const [ours, theirs] = await Promise.all([
    subtle.importKey("pkcs8", exactBuffer(concat(PKCS8_HEADER, privateKey)), "X25519", false, ["deriveBits"]),
    subtle.importKey("raw", exactBuffer(publicKey), "X25519", false, []),
  ]);
  return new Uint8Array(await subtle.deriveBits({ name: "X25519", public: theirs }, ours, 256));
}

let nativeSupport: Promise<boolean> | undefined;

/** Whether this platform's WebCrypto has X25519; asked once. */
function hasNativeX25519(): Promise<boolean> {
  nativeSupport ??= agreeNatively(new Uint8Array(32).fill(1), BASE_POINT).then(
    () => true,
    () => false,
  );
  return nativeSupport;
}

async function agree(privateKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  if (await hasNativeX25519()) return agreeNatively(privateKey, publicKey);
  return x25519.getSharedSecret(privateKey, publicKey);
}

/** Throws `bad_key` for the all-zero secret, which a public key of small order produces (RFC 7748, 6.1). */
export function refuseZeroSecret(secret: Uint8Array): Uint8Array {
  if (isAllZero(secret)) throw new E2eeError("bad_key", "the shared secret is zero");
  return secret;
}

/** X25519 (RFC 7748) of 32-byte raw keys; throws `bad_key` when the result is zero. */
export async function sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  let secret: Uint8Array;
  try {
    secret = await agree(privateKey, publicKey);
  } catch (cause) {
    throw new E2eeError("bad_key", "X25519 refused the public key", { cause });
  }
  return refuseZeroSecret(secret);
}

function clamp(scalar: Uint8Array): Uint8Array {
  const clamped = scalar.slice();
  clamped[0] = (clamped[0] ?? 0) & 248;
  clamped[31] = ((clamped[31] ?? 0) & 127) | 64;
  return clamped;
}

async function keyPair(privateKey: ArrayBuffer): Promise<KeyPair> {
  const clamped = clamp(new Uint8Array(privateKey));
  return { privKey: exactBuffer(clamped), pubKey: exactBuffer(await agree(clamped, BASE_POINT)) };
}

/** The curve in the shape the Signal library asks for. */
export const libraryCurve: AsyncCurve = {
  keyPair,
  sharedSecret: async (publicKey, privateKey) =>
    exactBuffer(await sharedSecret(new Uint8Array(privateKey), new Uint8Array(publicKey))),
  sign: async (privateKey, message) =>
    exactBuffer(signXeddsa(new Uint8Array(privateKey), new Uint8Array(message))),
  verify: async (publicKey, message, signature) =>
    !verifyXeddsa(new Uint8Array(publicKey), new Uint8Array(message), new Uint8Array(signature)),
};
