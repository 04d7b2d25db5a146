import type { PushSubscriptionEntry } from "@sotto/contracts/notification-api";
import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import { listSubscriptions } from "./subscription-queries.ts";

/**
 * The subscriptions of an account, oldest first, without their keys.
 * @throws AppError `rate_limited`, `session_revoked`
 */
export async function listOwnSubscriptions(
  { db, limits }: Pick<NotificationContext, "db" | "limits">,
  accountId: string,
): Promise<PushSubscriptionEntry[]> {
  await requireAccount(db, accountId);
  await limits.take("push.account", accountId);
  const rows = await listSubscriptions(db, accountId);
  return rows.map((row) => ({
    deviceId: row.device_id,
    endpoint: row.endpoint,
    createdAt: row.created_at.toISOString(),
  }));
}
