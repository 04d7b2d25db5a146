import type { DomainEvent } from "@sotto/contracts/events";
import type { NotificationContext } from "../context.ts";
import { deleteUnsentDigests } from "../email/queue-digest.ts";
import { deleteUnsentPushes } from "../push/queue-push.ts";
import { findAddressee, upsertAddressee } from "./account-queries.ts";
import { applyOnce } from "./apply-once.ts";

/**
 * Keeps what the user service last said of an account: who gets its mail, and in which language. What was queued to call
 * somebody whose account is not active any more is taken back.
 */
export async function recordAddressee(
  context: Pick<NotificationContext, "db" | "clock">,
  event: DomainEvent<"user.account-registered" | "user.account-updated">,
): Promise<void> {
  const { accountId, username, email, language } = event.data;
  const isNew = event.type === "user.account-registered";
  await applyOnce(context, { effect: "addressee", eventId: event.id, accountId }, async (tx) => {
    await upsertAddressee(tx, {
      account_id: accountId,
      username,
      email,
      email_verified: isNew ? false : event.data.emailVerified,
      language,
      active: isNew ? true : event.data.active,
      as_of: new Date(event.occurredAt),
    });
    if ((await findAddressee(tx, accountId))?.active) return;
    await deleteUnsentDigests(tx, accountId);
    await deleteUnsentPushes(tx, accountId);
  });
}
