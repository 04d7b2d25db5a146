import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * A refresh token is 69 bytes as base64url, opaque to clients:
 * version (1) | session id (16) | generation, big endian (4) | secret (32) | tag (16).
 * The tag is the start of HMAC-SHA-256 over the rest by the session's own key. It lets the server tell a token that it
 * once issued, and has forgotten, from an invented one; what makes a token valid is the stored hash alone.
 */
const VERSION = 1;
export const REFRESH_SECRET_BYTES = 32;
const SIGNED_BYTES = 1 + 16 + 4 + REFRESH_SECRET_BYTES;
const TAG_BYTES = 16;
const FORM = /^[A-Za-z0-9_-]{92}$/;

export type PresentedToken = {
  readonly sessionId: string;
  readonly generation: number;
  /** SHA-256 of the token's bytes. */
  readonly hash: Buffer;
  readonly bytes: Buffer;
};

/** Makes the token of a generation. `secret` must be `REFRESH_SECRET_BYTES` random bytes, never used before. */
export function makeRefreshToken(parts: {
  sessionId: string;
  generation: number;
  secret: Buffer;
  key: Buffer;
}): { text: string; hash: Buffer } {
  const signed = Buffer.alloc(SIGNED_BYTES);
  signed.writeUInt8(VERSION, 0);
  signed.set(Buffer.from(parts.sessionId.replaceAll("-", ""), "hex"), 1);
  signed.writeUInt32BE(parts.generation, 17);
  signed.set(parts.secret, 21);
  const bytes = Buffer.concat([signed, tagOf(signed, parts.key)]);
  return { text: bytes.toString("base64url"), hash: sha256(bytes) };
}

/** Takes a token apart; undefined when it has not the form of one. Says nothing about where it came from. */
export function readRefreshToken(text: string): PresentedToken | undefined {
  if (!FORM.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  if (bytes.readUInt8(0) !== VERSION) return undefined;
  return {
    sessionId: bytes.toString("hex", 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    generation: bytes.readUInt32BE(17),
    hash: sha256(bytes),
    bytes,
  };
}

/** True when this server made the token for the session that `key` belongs to. */
export function isIssuedBy(token: PresentedToken, key: Buffer): boolean {
  return timingSafeEqual(
    token.bytes.subarray(SIGNED_BYTES),
    tagOf(token.bytes.subarray(0, SIGNED_BYTES), key),
  );
}

function tagOf(signed: Buffer, key: Buffer): Buffer {
  return createHmac("sha256", key).update(signed).digest().subarray(0, TAG_BYTES);
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
