import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { insertEmail } from "./email-queries.ts";
import { type MailedEvent, mailOf } from "./mail-kinds.ts";

/** Queues the mail that an event asks for: once, however often the event is delivered. */
export function queueMail(
  context: Pick<NotificationContext, "db" | "clock" | "ids">,
  event: MailedEvent,
): ReturnType<typeof applyOnce> {
  const { kind, accountId, recipient, content } = mailOf(event);
  return applyOnce(context, { effect: "email", eventId: event.id, accountId }, (tx, now) =>
    insertEmail(tx, {
      id: context.ids.uuidv7(),
      event_id: event.id,
      account_id: accountId,
      kind,
      recipient,
      content: JSON.stringify(content),
      created_at: now,
      next_attempt_at: now,
    }),
  );
}
