import { z } from "zod";
import { accountId, deviceId } from "./ids.ts";
import { limits } from "./limits.ts";

export const notificationId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUIDv7",
  );

/**
 * What `data` holds for each type that this version knows. Later versions add types, notices and fields: whoever reads a
 * page must take those it does not know, and show them as something that happened, or not at all.
 */
export const notificationData = {
  /** `notice`: see `securityNotice`. `client`: what the client that did it calls itself; anybody's words. */
  "security-notice": z.object({ notice: z.string(), client: z.string().nullable() }),
  "device-added": z.object({ deviceId }),
  /** `accountId` asked to become a contact. Whether it still does is told by the list of contacts. */
  "contact-requested": z.object({ accountId }),
  "contact-accepted": z.object({ accountId }),
} as const;
export type NotificationType = keyof typeof notificationData;
export type NotificationData<T extends NotificationType> = z.infer<(typeof notificationData)[T]>;

/** `type` is open and `data` unread here, so that an older client does not refuse a page that holds something newer. */
export const notification = z
  .object({
    notificationId,
    type: z.string().min(1).max(64),
    data: z.record(z.string(), z.unknown()),
    createdAt: z.iso.datetime(),
    readAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Notification" });
export type WireNotification = z.infer<typeof notification>;

export const notificationsQuery = z.strictObject({
  /** Notifications older than this one. */
  before: notificationId.optional(),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(limits.pageDefault),
});
/** Newest first; `next` is the `before` of the next page, null on the last. */
export const notificationPage = z
  .object({ notifications: z.array(notification), next: notificationId.nullable() })
  .meta({ id: "NotificationPage" });

export const unreadCount = z.object({ unread: z.int().min(0) }).meta({ id: "UnreadCount" });

/** `before`: that one and all older ones, so that what arrives meanwhile stays unread; all when absent. */
export const readAllRequest = z.strictObject({ before: notificationId.optional() });
