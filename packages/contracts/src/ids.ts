import { z } from "zod";

/** Lower-case UUID of any version; ids are compared as text, so upper case is refused rather than folded. */
const uuid = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUID",
  );

/** Lower-case UUIDv7 (RFC 9562 section 5.7). */
const uuidv7 = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUIDv7",
  );

export const accountId = uuid;
export const deviceId = uuid;
export const sessionId = uuid;
export const conversationId = uuid;
/** Made by the sending client, before the first attempt; the key of idempotency. */
export const messageId = uuidv7;
export const eventId = uuidv7;

/** Position of an envelope in a mailbox: unique per server, increasing in the order of storing, with holes. */
export const envelopeId = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Signal registration id: 14 bits, drawn anew with every new set of keys. */
export const registrationId = z.int().min(1).max(16_380);

/** Id of a prekey: a positive 31-bit integer, never used twice by a device; 0 means none in the Signal library. */
export const prekeyId = z.int().min(1).max(2_147_483_647);
