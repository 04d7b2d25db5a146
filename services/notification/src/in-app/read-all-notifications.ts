import { type ChangeContext, changeList } from "./change-list.ts";
import { setRead } from "./notification-queries.ts";

/** Marks as read all, or `upTo` and all that are older. @throws AppError `session_revoked` */
export function readAllNotifications(
  context: ChangeContext,
  accountId: string,
  upTo: string | undefined,
): Promise<void> {
  return changeList(context, accountId, (tx) => setRead(tx, accountId, { upTo, at: context.clock.now() }));
}
