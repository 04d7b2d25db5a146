import type { DomainEvent } from "@sotto/contracts/events";
import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { findAttention, insertWaiting, scheduleDigest, updateWaiting } from "./attention-queries.ts";

/**
 * Takes note that messages wait for a device of somebody who is away. The first time a push is due at once and a digest
 * later; when it is told again, only the count changes. An event that is older than the last sign of life is late.
 */
export async function recordWaiting(
  context: Pick<NotificationContext, "db" | "clock" | "digestAfterMs" | "digestEveryMs">,
  event: DomainEvent<"chat.inbox-waiting">,
): Promise<void> {
  const { accountId, deviceId, waiting } = event.data;
  const at = new Date(event.occurredAt);
  await applyOnce(context, { effect: "waiting", eventId: event.id, accountId }, async (tx, now) => {
    const attendedAt = (await findAttention(tx, accountId))?.attended_at;
    if (attendedAt && at < attendedAt) return;
    const told = { accountId, deviceId, waiting, eventId: event.id, at };
    if (await updateWaiting(tx, told)) return;
    await insertWaiting(tx, told, now);
    const dueAt = new Date(now.getTime() + context.digestAfterMs);
    await scheduleDigest(tx, accountId, { dueAt, everyMs: context.digestEveryMs });
  });
}
