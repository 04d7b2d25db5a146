import {
  type NotificationData,
  type NotificationType,
  notificationData,
  notificationPage,
  unreadCount,
  type WireNotification,
} from "@sotto/contracts/in-app-api";
import { limits } from "@sotto/contracts/limits";
import type { ClientContext } from "../client-context.ts";
import { readPages, withQuery } from "../pages.ts";

type Common = {
  readonly notificationId: string;
  readonly createdAt: string;
  /** Null while it is unread. */
  readonly readAt: string | null;
};

/**
 * What the account was told. `unknown` is what this version of the SDK does not know: `unknownType` and `data` are the
 * server's, unchecked. Texts in `data`, such as the name of a client, are other people's words.
 */
export type Notification =
  | {
      [T in NotificationType]: Common & { readonly type: T; readonly data: NotificationData<T> };
    }[NotificationType]
  | (Common & {
      readonly type: "unknown";
      readonly unknownType: string;
      readonly data: Readonly<Record<string, unknown>>;
    });

/** What `client.on("notifications-changed")` tells of. Fetch anew after each connection: hints may be missed. */
export type Notifications = {
  /** Newest first; read from the server page by page. */
  list(): AsyncIterable<Notification>;
  unreadCount(): Promise<number>;
  /** Throws `not_found`. A repeat is harmless. */
  markRead(notificationId: string): Promise<void>;
  /** Marks all as read, or `before` and all older ones: what arrived meanwhile stays unread. */
  markAllRead(through?: { readonly before?: string }): Promise<void>;
  /** Takes one off the list. Throws `not_found`. */
  remove(notificationId: string): Promise<void>;
};

const PATH = "/api/notifications";

/** The list in `client.notifications`. */
export function createNotifications({ request }: Pick<ClientContext, "request">): Notifications {
  const pathOf = (notificationId: string) => `${PATH}/${encodeURIComponent(notificationId)}`;
  return {
    list: () =>
      readPages(async (before) => {
        const path = withQuery(PATH, { before, limit: String(limits.pageMax) });
        const { notifications, next } = await request({ method: "GET", path, answer: notificationPage });
        return { items: notifications.map(toNotification), next };
      }),
    async unreadCount() {
      return (await request({ method: "GET", path: `${PATH}/unread-count`, answer: unreadCount })).unread;
    },
    markRead: (notificationId) => request({ method: "POST", path: `${pathOf(notificationId)}/read` }),
    markAllRead: ({ before } = {}) =>
      request({ method: "POST", path: `${PATH}/read-all`, body: before === undefined ? {} : { before } }),
    remove: (notificationId) => request({ method: "DELETE", path: pathOf(notificationId) }),
  };
}

/** A known type whose data is not as this version knows it counts as unknown too. */
function toNotification({ type, data, ...common }: WireNotification): Notification {
  if (isKnown(type)) {
    const parsed = notificationData[type].safeParse(data);
    if (parsed.success) return { ...common, type, data: parsed.data } as Notification;
  }
  return { ...common, type: "unknown", unknownType: type, data };
}

function isKnown(type: string): type is NotificationType {
  return Object.hasOwn(notificationData, type);
}
