import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import type { DeviceOf } from "./push-queries.ts";
import { deleteSubscription } from "./subscription-queries.ts";

/**
 * Nothing is sent to the device any more, nor what waits for it. Without a subscription there is nothing to do.
 * @throws AppError `rate_limited`, `session_revoked`
 */
export async function unsubscribeDevice(
  { db, limits }: Pick<NotificationContext, "db" | "limits">,
  device: DeviceOf,
): Promise<void> {
  await requireAccount(db, device.accountId);
  await limits.take("push.account", device.accountId);
  await deleteSubscription(db, device);
}
