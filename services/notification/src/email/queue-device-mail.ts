import type { DomainEvent } from "@sotto/contracts/events";
import { findAddressee } from "../accounts/account-queries.ts";
import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { insertEmail } from "./email-queries.ts";
import type { MailContent } from "./mail-kinds.ts";

/**
 * Queues the mail that tells of one more device of an account: once, however often the event is delivered. Of the first
 * device the owner knows.
 * @throws Error when the account's own event has not been handled yet, so that the bus repeats this one.
 */
export async function queueDeviceMail(
  context: Pick<NotificationContext, "db" | "clock" | "ids">,
  { id: eventId, occurredAt, data: { accountId, first } }: DomainEvent<"chat.device-added">,
): Promise<"applied" | "repeated" | "too-late" | "first"> {
  if (first) return "first";
  return applyOnce(context, { effect: "device-mail", eventId, accountId }, async (tx, now) => {
    const addressee = await findAddressee(tx, accountId);
    if (!addressee) throw new Error("the account of a new device is not known yet");
    const content: MailContent<"new-device"> = { username: addressee.username, at: occurredAt };
    await insertEmail(tx, {
      id: context.ids.uuidv7(),
      event_id: eventId,
      account_id: accountId,
      kind: "new-device",
      recipient: addressee.email,
      language: addressee.language,
      content: JSON.stringify(content),
      created_at: now,
      next_attempt_at: now,
    });
  });
}
