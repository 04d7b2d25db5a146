import type { DomainEvent } from "@sotto/contracts/events";
import type { NotificationData, NotificationType } from "@sotto/contracts/in-app-api";

/** Events that an account is told of in its clients. */
export type NotifiedEvent = DomainEvent<
  "user.security-notice" | "chat.device-added" | "chat.contact-requested" | "chat.contact-accepted"
>;

/** What an account is told, by type. */
export type NewNotification = {
  [T in NotificationType]: { readonly type: T; readonly data: NotificationData<T> };
}[NotificationType];

/** The notification that an event becomes; undefined for what its owner has just done with the account's first client. */
export function notificationOf(event: NotifiedEvent): NewNotification | undefined {
  switch (event.type) {
    case "user.security-notice": {
      const { notice, client } = event.data;
      return { type: "security-notice", data: { notice, client } };
    }
    case "chat.device-added": {
      const { deviceId, first } = event.data;
      return first ? undefined : { type: "device-added", data: { deviceId } };
    }
    case "chat.contact-requested":
      return { type: "contact-requested", data: { accountId: event.data.byAccountId } };
    case "chat.contact-accepted":
      return { type: "contact-accepted", data: { accountId: event.data.byAccountId } };
  }
}

/** Whom else a notification speaks of: when that one is deleted, it goes as well. */
export function otherAccountOf({ data }: NewNotification): string | undefined {
  return "accountId" in data ? data.accountId : undefined;
}
