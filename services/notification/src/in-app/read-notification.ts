import { type ChangeContext, changeList } from "./change-list.ts";
import { noSuchNotification } from "./no-such-notification.ts";
import { hasNotification, setRead } from "./notification-queries.ts";

/** Marks one as read; a repeat is harmless. @throws AppError `not_found`, also for what is another's; `session_revoked` */
export function readNotification(
  context: ChangeContext,
  accountId: string,
  notificationId: string,
): Promise<void> {
  return changeList(context, accountId, async (tx) => {
    if (!(await hasNotification(tx, accountId, notificationId))) throw noSuchNotification();
    return setRead(tx, accountId, { only: notificationId, at: context.clock.now() });
  });
}
