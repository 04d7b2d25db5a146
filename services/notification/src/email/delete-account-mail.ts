import type { DomainEvent } from "@sotto/contracts/events";
import type { NotificationContext } from "../context.ts";
import { deletedAccountMark } from "./deleted-account-mark.ts";
import { deleteEmailsOf, deleteLimitsOf, insertMark, lockAccountMail } from "./deleted-account-queries.ts";

/** Deletes everything of an account that is gone, and sees to it that events which come late leave nothing. Idempotent. */
export async function deleteAccountMail(
  { db, clock }: Pick<NotificationContext, "db" | "clock">,
  event: DomainEvent<"user.account-deleted">,
): Promise<void> {
  const { accountId } = event.data;
  await db.transaction().execute(async (tx) => {
    await lockAccountMail(tx, accountId);
    await insertMark(tx, deletedAccountMark(accountId), clock.now());
    await deleteEmailsOf(tx, accountId);
    await deleteLimitsOf(tx, accountId);
  });
}
