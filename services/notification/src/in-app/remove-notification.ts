import { type ChangeContext, changeList } from "./change-list.ts";
import { noSuchNotification } from "./no-such-notification.ts";
import { deleteNotifications } from "./notification-queries.ts";

/** Takes one off the list. @throws AppError `not_found`, also for what is another's; `session_revoked` */
export function removeNotification(
  context: ChangeContext,
  accountId: string,
  notificationId: string,
): Promise<void> {
  return changeList(context, accountId, async (tx) => {
    const deleted = await deleteNotifications(tx, accountId, { only: notificationId });
    if (deleted === 0) throw noSuchNotification();
    return deleted;
  });
}
