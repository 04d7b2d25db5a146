import { createECDH } from "node:crypto";

/** VAPID_PRIVATE_KEY of an installation. */
export function newVapidKey(): string {
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  // A private key that begins with zeros comes without them.
  return Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()])
    .subarray(-32)
    .toString("base64url");
}
