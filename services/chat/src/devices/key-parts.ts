import { Buffer } from "node:buffer";
import type { UploadPrekeysRequest } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import { isUsableKemKey } from "./kem-key.ts";
import { kemPrekeyToSign } from "./signed-bytes.ts";
import { isUsablePublicKey, type SignatureVerifier } from "./xeddsa.ts";

export type PlainKey = { readonly keyId: number; readonly publicKey: Buffer };
export type SignedKey = PlainKey & { readonly signature: Buffer };

/** What a device uploads, decoded; each part may be absent. */
export type KeyParts = {
  readonly signedPrekey?: SignedKey;
  readonly lastResortKemPrekey?: SignedKey;
  readonly oneTimePrekeys?: readonly PlainKey[];
  readonly oneTimeKemPrekeys?: readonly SignedKey[];
};

/** Verifications in flight at once: they run on the few threads of the runtime, and the loop breathes in between. */
const SIGNATURES_AT_ONCE = 16;

type WirePlainKey = { keyId: number; publicKey: string };
type WireSignedKey = WirePlainKey & { signature: string };

/** Decodes the base64 of a validated upload. */
export function decodeKeyParts(request: UploadPrekeysRequest): KeyParts {
  const { signedPrekey, lastResortKemPrekey, oneTimePrekeys, oneTimeKemPrekeys } = request;
  return {
    ...(signedPrekey && { signedPrekey: decodeSigned(signedPrekey) }),
    ...(lastResortKemPrekey && { lastResortKemPrekey: decodeSigned(lastResortKemPrekey) }),
    ...(oneTimePrekeys && { oneTimePrekeys: oneTimePrekeys.map(decodePlain) }),
    ...(oneTimeKemPrekeys && { oneTimeKemPrekeys: oneTimeKemPrekeys.map(decodeSigned) }),
  };
}

function decodePlain({ keyId, publicKey }: WirePlainKey): PlainKey {
  return { keyId, publicKey: Buffer.from(publicKey, "base64") };
}

function decodeSigned(key: WireSignedKey): SignedKey {
  return { ...decodePlain(key), signature: Buffer.from(key.signature, "base64") };
}

/**
 * Checks every key and signature of an upload.
 * @throws AppError `bad_request` naming keys that are none and ids that occur twice; `invalid_signature` naming the keys
 * that the identity key did not sign.
 */
export async function checkKeyParts(verify: SignatureVerifier, parts: KeyParts): Promise<void> {
  const issues = [...findUnusableKeys(parts), ...findRepeatedIds(parts)];
  if (issues.length > 0) throw new AppError("bad_request", "Some keys are not usable.", { issues });
  const unsigned = await findUnsigned(verify, parts);
  if (unsigned.length > 0) throw invalidSignature(unsigned);
}

/** `invalid_signature` for the fields at these paths. */
export function invalidSignature(paths: readonly string[]): AppError {
  return new AppError("invalid_signature", "A signature is not valid.", {
    issues: paths.slice(0, 20).map((path) => ({ path, message: "not signed by the key that must sign it" })),
  });
}

function findUnusableKeys(parts: KeyParts): { path: string; message: string }[] {
  const unusable: string[] = [];
  const check = (path: string, key: PlainKey, isUsable: (publicKey: Uint8Array) => boolean) => {
    if (!isUsable(key.publicKey)) unusable.push(`${path}.publicKey`);
  };
  if (parts.signedPrekey) check("signedPrekey", parts.signedPrekey, isUsablePublicKey);
  if (parts.lastResortKemPrekey) check("lastResortKemPrekey", parts.lastResortKemPrekey, isUsableKemKey);
  parts.oneTimePrekeys?.forEach((key, i) => {
    check(`oneTimePrekeys.${i}`, key, isUsablePublicKey);
  });
  parts.oneTimeKemPrekeys?.forEach((key, i) => {
    check(`oneTimeKemPrekeys.${i}`, key, isUsableKemKey);
  });
  return unusable.slice(0, 20).map((path) => ({ path, message: "not a usable public key" }));
}

function findRepeatedIds(parts: KeyParts): { path: string; message: string }[] {
  return (["oneTimePrekeys", "oneTimeKemPrekeys"] as const)
    .filter((kind) => new Set(parts[kind]?.map(({ keyId }) => keyId)).size !== (parts[kind]?.length ?? 0))
    .map((path) => ({ path, message: "a key id occurs twice" }));
}

async function findUnsigned(verify: SignatureVerifier, parts: KeyParts): Promise<string[]> {
  const signed: { path: string; message: Uint8Array; signature: Uint8Array }[] = [];
  if (parts.signedPrekey) {
    const { publicKey, signature } = parts.signedPrekey;
    signed.push({ path: "signedPrekey.signature", message: publicKey, signature });
  }
  const addKem = (path: string, { keyId, publicKey, signature }: SignedKey) =>
    signed.push({ path: `${path}.signature`, message: kemPrekeyToSign(keyId, publicKey), signature });
  if (parts.lastResortKemPrekey) addKem("lastResortKemPrekey", parts.lastResortKemPrekey);
  parts.oneTimeKemPrekeys?.forEach((key, i) => {
    addKem(`oneTimeKemPrekeys.${i}`, key);
  });
  const unsigned: string[] = [];
  for (let start = 0; start < signed.length; start += SIGNATURES_AT_ONCE) {
    const batch = signed.slice(start, start + SIGNATURES_AT_ONCE);
    const results = await Promise.all(batch.map(({ message, signature }) => verify(message, signature)));
    unsigned.push(...batch.filter((_, i) => !results[i]).map(({ path }) => path));
  }
  return unsigned;
}
