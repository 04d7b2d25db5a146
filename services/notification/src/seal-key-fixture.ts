import { generateKeyPairSync } from "node:crypto";
import type { NotificationConfig } from "./config.ts";

type SealKey = NotificationConfig["SEAL_KEY"];

/** The key pair of the links in mails: what the user service seals with, and what opens it here. */
export function newSealKeys(): { publicKey: Omit<SealKey, "d">; sealKey: SealKey } {
  const sealKey = {
    ...generateKeyPairSync("x25519").privateKey.export({ format: "jwk" }),
    kid: "notification-1",
  } as SealKey;
  const { d: _private, ...publicKey } = sealKey;
  return { publicKey, sealKey };
}
