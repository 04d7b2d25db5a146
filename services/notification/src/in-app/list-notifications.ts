import type { WireNotification } from "@sotto/contracts/in-app-api";
import type { NotificationContext } from "../context.ts";
import { listNotifications as findPage } from "./notification-queries.ts";

/** A page of what an account was told, newest first: older than `before`. */
export async function listNotifications(
  { db }: Pick<NotificationContext, "db">,
  accountId: string,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<{ notifications: WireNotification[]; next: string | null }> {
  // One more than asked for tells whether there is another page.
  const found = await findPage(db, accountId, { before, limit: limit + 1 });
  const notifications = found.slice(0, limit);
  return {
    notifications,
    next: found.length > limit ? (notifications.at(-1)?.notificationId ?? null) : null,
  };
}
