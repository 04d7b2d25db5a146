import { applyOnce } from "../accounts/apply-once.ts";
import type { NotificationContext } from "../context.ts";
import { insertEmail } from "./email-queries.ts";
import { type MailedEvent, mailOf } from "./mail-kinds.ts";
import { deleteSuppression } from "./suppression-queries.ts";

/**
 * Queues the mail that an event asks for: once, however often the event is delivered. Who asks to prove an address says
 * that it exists: a suppression of it ends, and comes back with the next mail if it does not.
 */
export function queueMail(
  context: Pick<NotificationContext, "db" | "clock" | "ids">,
  event: MailedEvent,
): ReturnType<typeof applyOnce> {
  const { kind, accountId, recipient, language, content } = mailOf(event);
  return applyOnce(context, { effect: "email", eventId: event.id, accountId }, async (tx, now) => {
    if (kind === "verify-email") await deleteSuppression(tx, recipient);
    await insertEmail(tx, {
      id: context.ids.uuidv7(),
      event_id: event.id,
      account_id: accountId,
      kind,
      recipient,
      language,
      content: JSON.stringify(content),
      created_at: now,
      next_attempt_at: now,
    });
  });
}
