import type { DomainEvent } from "@sotto/contracts/events";
import { lockAccount } from "../accounts/account-queries.ts";
import type { NotificationContext } from "../context.ts";
import { deleteSubscription } from "./subscription-queries.ts";

/** A device that is gone has no subscription. Idempotent. */
export async function forgetDevice(
  { db }: Pick<NotificationContext, "db">,
  { data }: DomainEvent<"chat.device-removed">,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockAccount(tx, data.accountId);
    await deleteSubscription(tx, data);
  });
}
