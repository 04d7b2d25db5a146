import { z } from "zod";
import { base64Bytes } from "./bytes.ts";
import { accountId, conversationId, deviceId, envelopeId, messageId, registrationId } from "./ids.ts";
import { limits } from "./limits.ts";

/** Header that names the calling device on REST routes that act as a device. */
export const DEVICE_HEADER = "sotto-device";

export const conversation = z
  .object({
    conversationId,
    kind: z.enum(["direct"]),
    members: z.array(accountId),
    createdAt: z.iso.datetime(),
    /** When the newest message was accepted that the caller has said it has read; null when it has not said. */
    readAt: z.iso.datetime().nullable(),
    /** Null when it is not muted; `until` is null for one that is until it is unmuted. */
    muted: z.object({ until: z.iso.datetime().nullable() }).nullable(),
  })
  .meta({ id: "Conversation" });
export type Conversation = z.infer<typeof conversation>;

export const conversationsQuery = z.strictObject({
  after: conversationId.optional(),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(limits.pageDefault),
});
/** Newest first; `next` is the `after` of the next page, null on the last. */
export const conversationPage = z
  .object({ conversations: z.array(conversation), next: conversationId.nullable() })
  .meta({ id: "ConversationPage" });

/** Everything up to this message has been read; nobody else is told. */
export const readRequest = z.strictObject({ messageId }).meta({ id: "Read" });
/** By socket: as the path says it in a request. */
export const readFrame = readRequest.extend({ conversationId });
/** That of the newest message that was ever said to be read. */
export const readMark = z.object({ readAt: z.iso.datetime() }).meta({ id: "ReadMark" });
/** `until` null: until it is unmuted. */
export const muteRequest = z.strictObject({ until: z.iso.datetime().nullable() }).meta({ id: "Mute" });

/** The content key of a message, encrypted for one device. */
export const deviceEnvelope = z.strictObject({
  deviceId,
  registrationId,
  envelope: base64Bytes(1, limits.envelopeBytes),
});
/**
 * A message: content once, and an envelope for every device of every member but the sending device.
 * Every member is named, the sender's own account too (with no devices when the sender has no other).
 */
export const sendMessageRequest = z
  .strictObject({
    messageId,
    conversationId,
    content: base64Bytes(1, limits.contentBytes),
    recipients: z
      .array(z.strictObject({ accountId, devices: z.array(deviceEnvelope).max(limits.devicesPerAccount) }))
      .min(1)
      .max(limits.membersPerConversation),
  })
  .meta({ id: "SendMessage" });
export type SendMessageRequest = z.infer<typeof sendMessageRequest>;

/** The message is durable. A repeat of the same message gets the same answer. */
export const messageAccepted = z
  .object({ messageId, acceptedAt: z.iso.datetime() })
  .meta({ id: "MessageAccepted" });
export type MessageAccepted = z.infer<typeof messageAccepted>;

/** `details` of `device_mismatch`, one entry per account whose devices differ; nothing was stored. */
export const deviceMismatch = z
  .array(
    z.object({
      accountId,
      /** Devices that need an envelope and had none. */
      missing: z.array(z.object({ deviceId, registrationId })),
      /** Devices that had an envelope and are not the account's, or an account that is no member. */
      extra: z.array(deviceId),
      /** Devices that have set up new keys: the envelope was made for the old ones. */
      stale: z.array(z.object({ deviceId, registrationId })),
    }),
  )
  .meta({ id: "DeviceMismatch" });
export type DeviceMismatch = z.infer<typeof deviceMismatch>;

/** A message as one device gets it. */
export const inboxEnvelope = z
  .object({
    envelopeId,
    messageId,
    conversationId,
    senderAccountId: accountId,
    senderDeviceId: deviceId,
    acceptedAt: z.iso.datetime(),
    content: z.base64(),
    envelope: z.base64(),
  })
  .meta({ id: "InboxEnvelope" });
export type InboxEnvelope = z.infer<typeof inboxEnvelope>;

export const inboxQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(limits.deliveryWindow).default(limits.pageDefault),
});
/** `gap` is when something was dropped for this device; it must be acknowledged before envelopes flow again. */
export const inboxPage = z
  .object({ envelopes: z.array(inboxEnvelope), gap: z.iso.datetime().nullable() })
  .meta({ id: "InboxPage" });
export type InboxPage = z.infer<typeof inboxPage>;

/** Deletes these envelopes from the caller's own mailbox; unknown ids are ignored, so a repeat is harmless. */
export const acknowledgeRequest = z
  .strictObject({ envelopeIds: z.array(envelopeId).min(1).max(limits.acknowledgedPerFrame) })
  .meta({ id: "Acknowledge" });
export const acknowledged = z.object({ deleted: z.int() }).meta({ id: "Acknowledged" });
/** `gap` as it was told, so that a newer gap is not acknowledged by accident. */
export const acknowledgeGapRequest = z.strictObject({ gap: z.iso.datetime() });
