import { generateKeyPairSync, randomBytes } from "node:crypto";

export const PUBLIC_URL = "http://localhost:8080";

/** The key pair that links in events are sealed with. */
export function newSealKey() {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: { ...publicKey.export({ format: "jwk" }), kid: "notification-1" }, privateKey };
}

/** The least settings of the service, with secrets of their own; `DATABASE_URL` leads nowhere. */
export function newUserEnv(): Record<string, string> {
  return {
    PORT: "0",
    LOG_LEVEL: "fatal",
    // Nothing listens on port 1.
    DATABASE_URL: "postgres://sotto_user:x@127.0.0.1:1/sotto",
    PUBLIC_URL,
    ACCOUNT_SECRET: randomBytes(32).toString("base64url"),
    NOTIFICATION_SEAL_KEY: JSON.stringify(newSealKey().publicKey),
  };
}
