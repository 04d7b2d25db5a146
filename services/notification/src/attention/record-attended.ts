import type { DomainEvent } from "@sotto/contracts/events";
import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { deleteUnsentDigests } from "../email/queue-digest.ts";
import { deleteUnsentPushes } from "../push/queue-push.ts";
import {
  deleteWaitingUntil,
  endDigest,
  findAttention,
  listWaiting,
  putAttended,
  renewWaiting,
  scheduleDigest,
} from "./attention-queries.ts";

/**
 * Somebody of the account is there again: whatever of it is due or queued is not sent. Events may come late: what was
 * told after this one happened stays, and is told.
 */
export async function recordAttended(
  context: Pick<NotificationContext, "db" | "clock" | "attention" | "digestAfterMs" | "digestEveryMs">,
  event: DomainEvent<"chat.inbox-attended">,
): Promise<void> {
  const { accountId } = event.data;
  const at = new Date(event.occurredAt);
  let cancelled = 0;
  await applyOnce(context, { effect: "attended", eventId: event.id, accountId }, async (tx, now) => {
    const known = await findAttention(tx, accountId);
    if (known?.attended_at && known.attended_at >= at) return;
    await putAttended(tx, accountId, at);
    cancelled = await deleteWaitingUntil(tx, accountId, at);
    const isNewer = (await listWaiting(tx, accountId)).some((row) => row.told_at > at);
    const renewed = await renewWaiting(tx, accountId, at, now);
    if (isNewer) return;
    await endDigest(tx, accountId);
    await deleteUnsentPushes(tx, accountId);
    await deleteUnsentDigests(tx, accountId);
    if (renewed === 0) return;
    const dueAt = new Date(now.getTime() + context.digestAfterMs);
    await scheduleDigest(tx, accountId, { dueAt, everyMs: context.digestEveryMs });
  });
  context.attention.cancelled.inc(cancelled);
}
