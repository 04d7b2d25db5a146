import { z } from "zod";
import { accountId, conversationId, deviceId, eventId, messageId, sessionId } from "./ids.ts";
import { username } from "./user-api.ts";

/**
 * Domain events: what services tell each other and integrators over the bus. Metadata only.
 * `type` is also the routing key. `key` orders: events of one key are published in the order they were appended.
 */
const eventData = {
  "user.account-registered": z.object({ accountId, username, email: z.email() }),
  "user.session-revoked": z.object({ accountId, sessionId }),
  "chat.device-added": z.object({ accountId, deviceId }),
  "chat.device-removed": z.object({ accountId, deviceId }),
  "chat.message-accepted": z.object({
    messageId,
    conversationId,
    senderAccountId: accountId,
    envelopes: z.int(),
  }),
  "chat.inbox-waiting": z.object({ accountId, deviceId, waiting: z.int() }),
  "notification.delivery-failed": z.object({
    sourceEventId: eventId,
    channel: z.enum(["email"]),
    reason: z.string(),
  }),
} as const;

export type EventType = keyof typeof eventData;
export type EventData<T extends EventType> = z.infer<(typeof eventData)[T]>;

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
