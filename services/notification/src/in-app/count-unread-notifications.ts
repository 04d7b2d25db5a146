import type { NotificationContext } from "../context.ts";
import { countUnread } from "./notification-queries.ts";

/** How many notifications of an account are unread. */
export async function countUnreadNotifications(
  { db }: Pick<NotificationContext, "db">,
  accountId: string,
): Promise<{ unread: number }> {
  return { unread: await countUnread(db, accountId) };
}
