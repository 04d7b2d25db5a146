import type { DomainEvent } from "@sotto/contracts/events";
import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { deleteWaitingDevice } from "./attention-queries.ts";

/** Nothing waits any more for a device that is gone. */
export async function forgetWaiting(
  context: Pick<NotificationContext, "db" | "clock">,
  event: DomainEvent<"chat.device-removed">,
): Promise<void> {
  const { accountId, deviceId } = event.data;
  await applyOnce(context, { effect: "waiting-device", eventId: event.id, accountId }, (tx) =>
    deleteWaitingDevice(tx, accountId, deviceId),
  );
}
