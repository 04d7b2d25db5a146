import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { SottoError } from "../sotto-error.ts";

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const AT_REST_KEY_BYTES = 32;

export type AtRestCipher = {
  seal(table: string, key: string, value: Uint8Array): Uint8Array;
  /** Throws `store_key_wrong` when the value was sealed under another key, for another row, or was changed. */
  open(table: string, key: string, sealed: Uint8Array): Uint8Array;
};

/**
 * AES-256-GCM per value: version (1) | nonce (12) | ciphertext | tag (16). The row's table and key are authenticated,
 * so that values cannot change places. Random nonces: good for 2^32 writes of one store (NIST SP 800-38D, 8.3).
 */
export function createAtRestCipher(secret: Uint8Array): AtRestCipher {
  return {
    seal(table, key, value) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", secret, nonce).setAAD(rowName(table, key));
      const body = cipher.update(value);
      cipher.final();
      return Buffer.concat([Buffer.of(VERSION), nonce, body, cipher.getAuthTag()]);
    },
    open(table, key, sealed) {
      const tagAt = sealed.length - TAG_BYTES;
      if (sealed[0] !== VERSION || tagAt < 1 + NONCE_BYTES) throw wrongKey(table, undefined);
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", secret, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(rowName(table, key)).setAuthTag(sealed.subarray(tagAt));
      try {
        const body = decipher.update(sealed.subarray(1 + NONCE_BYTES, tagAt));
        decipher.final();
        // A copy of its own: callers hand `.buffer` to WebCrypto, and a small Buffer shares its pool.
        return new Uint8Array(body);
      } catch (cause) {
        throw wrongKey(table, cause);
      }
    },
  };
}

function rowName(table: string, key: string): Buffer {
  return Buffer.from(`${table}\0${key}`, "utf8");
}

function wrongKey(table: string, cause: unknown): SottoError {
  return new SottoError("store_key_wrong", `A row of ${table} does not open under the key file`, { cause });
}
