import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * A refresh token is 64 bytes as base64url, opaque to clients: session id (16) | secret (32) | tag (16).
 * The tag is the start of HMAC-SHA-256 over the rest by the session's own key. It lets the server tell a token that it
 * once issued, and has forgotten, from an invented one; what makes a token valid is the stored hash alone.
 */
const SESSION_BYTES = 16;
export const REFRESH_SECRET_BYTES = 32;
const SIGNED_BYTES = SESSION_BYTES + REFRESH_SECRET_BYTES;
const TAG_BYTES = 16;

export type PresentedToken = {
  readonly sessionId: string;
  /** SHA-256 of the token's bytes. */
  readonly hash: Buffer;
  readonly bytes: Buffer;
};

/** Makes a token. `secret` must be `REFRESH_SECRET_BYTES` random bytes, never used before. */
export function makeRefreshToken(parts: { sessionId: string; secret: Buffer; key: Buffer }): {
  text: string;
  hash: Buffer;
} {
  const sessionBytes = Buffer.from(parts.sessionId.replaceAll("-", ""), "hex");
  const signed = Buffer.concat([sessionBytes, parts.secret], SIGNED_BYTES);
  const bytes = Buffer.concat([signed, tagOf(signed, parts.key)]);
  return { text: bytes.toString("base64url"), hash: sha256(bytes) };
}

/** Takes a token apart; undefined when it has not the form of one. Says nothing about where it came from. */
export function readRefreshToken(text: string): PresentedToken | undefined {
  const bytes = Buffer.from(text, "base64url");
  // The decoder skips what it does not know: only the one text that these bytes have is a token.
  if (bytes.length !== SIGNED_BYTES + TAG_BYTES || bytes.toString("base64url") !== text) return undefined;
  return {
    sessionId: bytes
      .toString("hex", 0, SESSION_BYTES)
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
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
