import { limits } from "@sotto/contracts/limits";
import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { type NotifiedEvent, notificationOf, otherAccountOf } from "./notification-of.ts";
import { deleteSameAbout, insertNotification, trimNotifications } from "./notification-queries.ts";
import { tellListChanged } from "./tell-list-changed.ts";

/**
 * Adds what an event tells an account to its list: once, however often the event is delivered. What somebody else does
 * again and again is in the list once, as the newest; of one kind only so many are kept, and of all of them too.
 */
export async function addNotification(
  context: Pick<NotificationContext, "db" | "clock" | "ids" | "notified">,
  event: NotifiedEvent,
): Promise<void> {
  const added = notificationOf(event);
  if (!added) return;
  const { accountId } = event.data;
  const about = otherAccountOf(added);
  const once = { effect: "in-app", eventId: event.id, accountId, otherAccountId: about };
  const outcome = await applyOnce(context, once, async (tx, createdAt) => {
    if (about !== undefined) await deleteSameAbout(tx, { accountId, type: added.type, about });
    await insertNotification(tx, added, { notificationId: context.ids.uuidv7(), accountId, createdAt });
    await trimNotifications(tx, accountId, {
      latest: added,
      perKind: limits.notificationsPerKind,
      total: limits.notificationsPerAccount,
    });
    await tellListChanged(tx, context, accountId);
  });
  if (outcome === "applied") context.notified.inc({ type: added.type });
}
