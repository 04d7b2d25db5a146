import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

/** What is published of a signing key (RFC 7517, RFC 8037). */
export type PublishedKey = {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
};
export type SigningKey = PublishedKey & { readonly d: string };

/** Bytes of an Ed25519 private key (RFC 8032 section 5.1.5). */
export const SIGNING_SEED_BYTES = 32;
/** PKCS #8 around an Ed25519 private key (RFC 8410 section 7), up to its bytes. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** The key pair of a seed as a JWK; its `kid` is the thumbprint of the public half (RFC 7638). */
export function toSigningKey(seed: Buffer): SigningKey {
  const der = Buffer.concat([PKCS8_HEAD, seed]);
  const { x } = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({
    format: "jwk",
  });
  if (x === undefined) throw new Error("this runtime made an Ed25519 key without its number");
  const kid = createHash("sha256")
    // The members of RFC 8037 section 2, in the order of RFC 7638 section 3.
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
  return { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig", d: seed.toString("base64url") };
}

/** Named members only, so that no private part can slip into what is published. */
export function publicHalf({ kty, crv, x, kid, alg, use }: PublishedKey): PublishedKey {
  return { kty, crv, x, kid, alg, use };
}
