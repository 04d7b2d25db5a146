import { createPublicKey } from "node:crypto";

/** Whether 65 bytes are an uncompressed point on P-256 (SEC 1 section 2.3.3), as RFC 8291 wants of a subscriber. */
export function isPointOnCurve(bytes: Buffer): boolean {
  if (bytes.length !== 65 || bytes[0] !== 4) return false;
  const x = bytes.toString("base64url", 1, 33);
  const y = bytes.toString("base64url", 33);
  try {
    createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}
