import { z } from "zod";
import { deviceId } from "./ids.ts";
import { limits } from "./limits.ts";

/** Base64url without padding (RFC 4648 section 5) of a fixed number of bytes, as browsers write the keys of pushes. */
function base64urlBytes(bytes: number) {
  const characters = Math.ceil((bytes * 8) / 6);
  return z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9_-]{${characters}}$`),
      `must be base64url of ${bytes} bytes, without padding`,
    );
}

/**
 * `PUT /api/notifications/push-subscriptions/{deviceId}`: where and for whom (RFC 8030, RFC 8291), as `PushSubscription`
 * of a browser, or a UnifiedPush distributor, gives it. The endpoint needs https, on port 443 unless the installation
 * allows another, and no credentials.
 */
export const pushSubscriptionRequest = z
  .strictObject({
    endpoint: z
      .string()
      .max(limits.pushEndpointMax)
      .regex(/^https:\/\/[\x21-\x7e]+$/),
    keys: z.strictObject({
      /** Public key of the subscriber: an uncompressed point on P-256. */
      p256dh: base64urlBytes(65),
      auth: base64urlBytes(16),
    }),
  })
  .meta({ id: "NewPushSubscription" });
export type PushSubscriptionRequest = z.infer<typeof pushSubscriptionRequest>;

/** The keys are not told again. */
export const pushSubscription = z
  .object({ deviceId, endpoint: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: "PushSubscription" });
export type PushSubscriptionEntry = z.infer<typeof pushSubscription>;
export const pushSubscriptions = z
  .object({ subscriptions: z.array(pushSubscription) })
  .meta({ id: "PushSubscriptions" });

/** `GET /api/notifications/push-key`: the `applicationServerKey` to subscribe with; base64url of 65 bytes. */
export const pushKey = z.object({ applicationServerKey: base64urlBytes(65) }).meta({ id: "PushKey" });

/** What a push holds once it is decrypted; blanks follow, so that all are of one length. */
export const pushPayload = z.object({ v: z.literal(1), type: z.enum(["messages-waiting"]) });
export type PushPayload = z.infer<typeof pushPayload>;
