import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { NotificationContext } from "../context.ts";
import { countUnread } from "./notification-queries.ts";

/**
 * Appends that an account's list has changed: once, at the end of the transaction that changed it, which holds the
 * account's lock. So the counts of an account are appended in the order in which they were true.
 */
export async function tellListChanged(
  tx: Transaction<NotifyDatabase>,
  context: Pick<NotificationContext, "clock" | "ids">,
  accountId: string,
): Promise<void> {
  const unread = await countUnread(tx, accountId);
  await appendEvents(tx, context, [
    { type: "notification.list-changed", key: accountId, data: { accountId, unread } },
  ]);
}
