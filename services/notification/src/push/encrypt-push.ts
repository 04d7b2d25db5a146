import type { PushPayload } from "@sotto/contracts/notification-api";
import webPush from "web-push";
import type { VapidKeys } from "./vapid-keys.ts";

export type EncryptedPush = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** All payloads are as long: their length tells no push service which one it carries. */
const PAYLOAD_BYTES = 128;

/**
 * A push as its subscriber alone can read it (RFC 8291, aes128gcm), signed by this installation for the push service of
 * `url` (RFC 8292). A newer one takes the place of an older that the push service still holds (Topic, RFC 8030 section
 * 5.4). The signature is good for twelve hours by the clock of the machine.
 */
export function encryptPush(
  sender: { keys: VapidKeys; subject: string },
  subscriber: { url: URL; p256dh: Buffer; auth: Buffer },
  { type, ttlSeconds }: { type: PushPayload["type"]; ttlSeconds: number },
): EncryptedPush {
  const payload: PushPayload = { v: 1, type };
  const { cipherText } = webPush.encrypt(
    subscriber.p256dh.toString("base64url"),
    subscriber.auth.toString("base64url"),
    JSON.stringify(payload).padEnd(PAYLOAD_BYTES),
    "aes128gcm",
  );
  const { Authorization } = webPush.getVapidHeaders(
    subscriber.url.origin,
    sender.subject,
    sender.keys.publicKey,
    sender.keys.privateKey,
    "aes128gcm",
  );
  return {
    body: cipherText,
    headers: {
      Authorization,
      "Content-Type": "application/octet-stream",
      "Content-Encoding": "aes128gcm",
      "Content-Length": String(cipherText.length),
      TTL: String(ttlSeconds),
      Urgency: "high",
      Topic: type,
    },
  };
}
