import { z } from "zod";
import { accountId, conversationId, deviceId, eventId, messageId, sessionId } from "./ids.ts";
import { language, username } from "./user-api.ts";

/** A compact JWE (RFC 7516, ECDH-ES over X25519 and A256GCM) to the notification service; its plaintext is a `sealedLink`. */
const sealed = z.string().min(1).max(4096);

/**
 * What is sealed in events that carry a link with a token: nobody on the bus may use it. `recipient` is the only address
 * that it may be sent to, so that it is of no use in an event to another one either.
 */
export const sealedLink = z.object({ link: z.url(), recipient: z.email(), expiresAt: z.iso.datetime() });
export type SealedLink = z.infer<typeof sealedLink>;

export const securityNotice = z.enum([
  "password-changed",
  "password-reset",
  "email-change-requested",
  "email-changed",
  "second-factor-enabled",
  "second-factor-disabled",
  "second-factor-reset",
  "recovery-code-used",
  "recovery-codes-renewed",
  "passkey-added",
  "passkey-removed",
  "new-session",
  "refresh-token-reused",
  "account-deactivated",
  "account-deletion-scheduled",
  "account-deletion-cancelled",
  "account-suspended",
  "account-restored",
]);
export type SecurityNotice = z.infer<typeof securityNotice>;

/** Whom a mail goes to; `language` as the account chose it, null when it did not. */
const addressee = { username, email: z.email(), language: language.nullable().default(null) };

/**
 * Domain events: what services tell each other and integrators over the bus. Metadata only; the descriptions are those of
 * the public catalogue (docs/asyncapi.json). `type` is also the routing key. `key` orders: events of one key are published
 * in the order they were appended.
 */
const eventData = {
  "user.account-registered": z
    .object({ accountId, ...addressee })
    .describe("Somebody has created an account. The address is not verified yet."),
  "user.account-updated": z
    .object({
      accountId,
      ...addressee,
      emailVerified: z.boolean(),
      active: z
        .boolean()
        .describe("False while the account is deactivated, suspended, or about to be deleted."),
    })
    .describe("The account as it is now, whatever of this has changed."),
  "user.account-deleted": z
    .object({ accountId })
    .describe("The account is gone for good. Delete what you keep of it: events that come later are old."),
  "user.session-revoked": z
    .object({ accountId, sessionId })
    .describe(
      "A session has ended before its time: signed out, ended by its owner or an operator, or misused.",
    ),
  "user.email-verification-requested": z
    .object({ accountId, ...addressee, purpose: z.enum(["register", "change"]), sealed })
    .describe("A mail is due with the link that proves an address: of a new account, or one to change to."),
  "user.password-reset-requested": z
    .object({ accountId, ...addressee, sealed })
    .describe("A mail is due with the link that lets choose a new password."),
  "user.security-notice": z
    .object({
      accountId,
      ...addressee,
      notice: securityNotice,
      client: z.string().nullable().describe("What the client that did it calls itself."),
    })
    .describe("Something has happened to an account that its owner must hear of, whoever did it."),
  "chat.device-added": z
    .object({
      accountId,
      deviceId,
      first: z.boolean().default(false).describe("The account had no device before."),
    })
    .describe("A device has been added to an account."),
  "chat.device-removed": z.object({ accountId, deviceId }).describe("A device of an account is gone."),
  "chat.message-accepted": z
    .object({
      messageId,
      conversationId,
      senderAccountId: accountId,
      envelopes: z.int().describe("Devices that it waits for, the sender's others among them."),
    })
    .describe("A message is stored and will be delivered. What it says is known to its devices alone."),
  "chat.inbox-waiting": z
    .object({
      accountId,
      deviceId,
      waiting: z.int().describe("Messages that are neither read nor of a muted conversation; 1000 at most."),
    })
    .describe(
      "Messages wait at a device while no device of its account is connected. Told again, with a higher count, until `chat.inbox-attended`.",
    ),
  "chat.inbox-attended": z
    .object({ accountId })
    .describe(
      "Somebody of whom `chat.inbox-waiting` was told is there again: nothing more is to be sent of it.",
    ),
  "chat.contact-requested": z
    .object({ accountId, byAccountId: accountId })
    .describe("`byAccountId` asks `accountId` to become a contact."),
  "chat.contact-accepted": z
    .object({ accountId, byAccountId: accountId })
    .describe("`byAccountId` has accepted the request of `accountId`."),
  "notification.delivery-failed": z
    .object({
      sourceEventId: eventId,
      channel: z.enum(["email", "push"]),
      reason: z.string().describe("As `smtp 550 to RCPT TO`; holds no address."),
    })
    .describe("A mail or a push that an event asked for was given up."),
  "notification.list-changed": z
    .object({ accountId, unread: z.int().describe("What the list holds unread now.") })
    .describe("An account's list of notifications has changed."),
} as const;

/**
 * The topic exchange at RabbitMQ that every event of every service is published to, with its type as the routing key: for
 * integrators, who bind queues of their own to it.
 */
export const EVENT_EXCHANGE = "sotto.events";

export type EventType = keyof typeof eventData;
export type EventData<T extends EventType> = z.infer<(typeof eventData)[T]>;
/** `EventData` as it is written: what has a default can be left out. */
export type NewEventData<T extends EventType> = z.input<(typeof eventData)[T]>;

export const eventTypes = Object.keys(eventData) as EventType[];

/** Every event has this envelope; `version` is that of its `data`. */
export type DomainEvent<T extends EventType = EventType> = {
  [K in T]: {
    readonly id: string;
    readonly type: K;
    readonly version: 1;
    readonly occurredAt: string;
    readonly key: string;
    readonly data: EventData<K>;
  };
}[T];

const eventHead = z.object({
  id: eventId,
  type: z.enum(eventTypes as [EventType, ...EventType[]]),
  version: z.literal(1),
  occurredAt: z.iso.datetime(),
  key: z.string().min(1).max(200),
});

/** Schema of one event type, envelope and data. */
export function eventSchema<T extends EventType>(type: T) {
  return eventHead.extend({ type: z.literal(type), data: eventData[type] });
}

/** Parses an event of any known type; throws a ZodError when it is none. */
export function parseEvent(value: unknown): DomainEvent {
  const { type } = eventHead.parse(value);
  return eventSchema(type).parse(value) as DomainEvent;
}
