import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";
import type { NotificationContext } from "../context.ts";
import { insertPush, lockSubscription, replaceUnsent, withdrawUnsent } from "./push-queries.ts";

type Tx = Transaction<NotifyDatabase>;

export type NewPush = {
  readonly accountId: string;
  readonly deviceId: string;
  readonly type: "messages-waiting";
  readonly eventId: string;
};

/**
 * Queues the push that an event asks for: once for a device, however often it is called. It takes the place of an older
 * one that is not sent yet. `context.pushSender.wake()` after the commit sends it at once, else the next poll does.
 * @returns false when the device has no subscription
 */
export async function queuePush(
  tx: Tx,
  { clock, ids }: Pick<NotificationContext, "clock" | "ids">,
  push: NewPush,
): Promise<boolean> {
  if (!(await lockSubscription(tx, push))) return false;
  const id = ids.uuidv7();
  const now = clock.now();
  const isNew = await insertPush(tx, {
    id,
    event_id: push.eventId,
    account_id: push.accountId,
    device_id: push.deviceId,
    type: push.type,
    created_at: now,
    next_attempt_at: now,
  });
  if (isNew) await replaceUnsent(tx, push, { id, now });
  return true;
}

/** Nothing that waits for a device of the account is sent any more, nor queued when its event is told again. */
export function deleteUnsentPushes(tx: Tx, accountId: string): Promise<void> {
  return withdrawUnsent(tx, accountId);
}
