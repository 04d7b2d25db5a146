import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";

/** What is sealed for one purpose cannot be opened as another. */
export type SealPurpose = "totp-secret" | "signing-key" | "challenge";

export type Sealer = {
  /** AES-256-GCM (NIST SP 800-38D): nonce (12) | ciphertext | tag (16). `context` must be the same when it is opened. */
  seal(purpose: SealPurpose, plaintext: Uint8Array, context?: string): Buffer;
  /** Undefined when it was not sealed by this key, for this purpose, in this context. */
  open(purpose: SealPurpose, sealed: Uint8Array, context?: string): Buffer | undefined;
  /** HMAC-SHA-256: a fingerprint that the database alone cannot be searched for by guessing. */
  fingerprint(purpose: "recovery-code" | "mail-recipient", value: string): Buffer;
};

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Keys for each purpose are derived from `secret` (32 bytes) by HKDF-SHA-256 (RFC 5869). */
export function createSealer(deps: { secret: Uint8Array; randomBytes: (size: number) => Buffer }): Sealer {
  const keys = new Map<string, Buffer>();
  const keyFor = (purpose: string): Buffer => {
    const known = keys.get(purpose);
    if (known) return known;
    const made = Buffer.from(hkdfSync("sha256", deps.secret, "sotto-account", purpose, KEY_BYTES));
    keys.set(purpose, made);
    return made;
  };
  return {
    seal(purpose, plaintext, context = "") {
      const nonce = deps.randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", keyFor(purpose), nonce);
      cipher.setAAD(Buffer.from(context));
      return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    open(purpose, sealed, context = "") {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv("aes-256-gcm", keyFor(purpose), bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        // The only failure here is a tag that does not match.
        return undefined;
      }
    },
    fingerprint: (purpose, value) => createHmac("sha256", keyFor(purpose)).update(value).digest(),
  };
}
