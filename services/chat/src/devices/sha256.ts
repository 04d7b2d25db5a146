import { Buffer } from "node:buffer";

/** SHA-256 by WebCrypto, as it is the same on every runtime. */
export async function sha256(data: Uint8Array): Promise<Buffer> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", Uint8Array.from(data)));
}

/** SHA-256 of a validated part of a request as JSON: the same part has the same hash. */
export function hashRequest(request: unknown): Promise<Buffer> {
  return sha256(Buffer.from(JSON.stringify(request), "utf8"));
}
