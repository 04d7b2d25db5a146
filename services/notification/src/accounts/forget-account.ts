import type { DomainEvent } from "@sotto/contracts/events";
import { deleteAttention } from "../attention/attention-queries.ts";
import type { NotificationContext } from "../context.ts";
import { deleteEmailsOf } from "../email/email-queries.ts";
import { deleteSuppressionsOf } from "../email/suppression-queries.ts";
import { deleteNotifications, deleteNotificationsAbout } from "../in-app/notification-queries.ts";
import { deletePreferences } from "../preferences/preference-queries.ts";
import { deleteSubscriptionsOf } from "../push/subscription-queries.ts";
import { deleteAddressee, deleteLimitsOf, insertMark, lockAccount } from "./account-queries.ts";
import { deletedAccountMark } from "./deleted-account-mark.ts";

/** Rows of others that one statement deletes. */
const BATCH = 500;

/** Deletes everything of an account that is gone, and sees to it that events which come late leave nothing. Idempotent. */
export async function forgetAccount(
  { db, clock }: Pick<NotificationContext, "db" | "clock">,
  event: DomainEvent<"user.account-deleted">,
): Promise<void> {
  const { accountId } = event.data;
  await db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    await insertMark(tx, deletedAccountMark(accountId), clock.now());
    await deleteSuppressionsOf(tx, accountId);
    await deleteAddressee(tx, accountId);
    await deleteEmailsOf(tx, accountId);
    await deleteSubscriptionsOf(tx, accountId);
    await deletePreferences(tx, accountId);
    await deleteNotifications(tx, accountId);
    await deleteAttention(tx, accountId);
    await deleteLimitsOf(tx, accountId);
  });
  // The mark lets no more come. Others see that they are gone when they fetch their list again.
  while ((await deleteNotificationsAbout(db, accountId, BATCH)) === BATCH);
}
