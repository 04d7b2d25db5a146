import type { EventType } from "@sotto/contracts/events";

/**
 * Who consumes what. Both transports read it on both sides: the publisher makes every queue before it publishes,
 * so that nothing is lost that happens before a consumer's first start. A consumer's name is for ever: it names
 * its queues at the broker and its rows of processed events.
 */
export const topology = {
  chat: ["user.session-revoked", "user.account-deleted", "notification.list-changed"],
  notification: [
    "user.account-registered",
    "user.account-updated",
    "user.account-deleted",
    "user.email-verification-requested",
    "user.password-reset-requested",
    "user.security-notice",
    "user.session-revoked",
    "chat.device-added",
    "chat.device-removed",
    "chat.inbox-waiting",
    "chat.inbox-attended",
    "chat.contact-requested",
    "chat.contact-accepted",
  ],
} as const satisfies Topology;

export type Topology = Readonly<Record<string, readonly EventType[]>>;

/** The consumers that want each type. */
export function consumersByType(table: Topology): ReadonlyMap<EventType, readonly string[]> {
  const byType = new Map<EventType, string[]>();
  for (const [consumer, types] of Object.entries(table))
    for (const type of types) byType.set(type, [...(byType.get(type) ?? []), consumer]);
  return byType;
}
