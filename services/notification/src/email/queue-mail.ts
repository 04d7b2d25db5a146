import type { NotificationContext } from "../context.ts";
import { deletedAccountMark } from "./deleted-account-mark.ts";
import { hasMark, lockAccountMail } from "./deleted-account-queries.ts";
import { insertEmail, insertProcessedEvent } from "./email-queries.ts";
import { type MailedEvent, mailOf } from "./mail-kinds.ts";

/**
 * Queues the mail that an event asks for: once, however often the event is delivered. The mark that the event was
 * processed and the mail are one transaction. Events of an account may come after its deletion, when they had to be
 * repeated; they leave nothing.
 */
export function queueMail(
  { db, clock, ids }: Pick<NotificationContext, "db" | "clock" | "ids">,
  event: MailedEvent,
): Promise<"queued" | "repeated" | "too-late"> {
  return db.transaction().execute(async (tx) => {
    const now = clock.now();
    const isFirst = await insertProcessedEvent(tx, {
      consumer: "email",
      event_id: event.id,
      processed_at: now,
    });
    if (!isFirst) return "repeated";
    const { kind, accountId, recipient, content } = mailOf(event);
    await lockAccountMail(tx, accountId);
    if (await hasMark(tx, deletedAccountMark(accountId))) return "too-late";
    await insertEmail(tx, {
      id: ids.uuidv7(),
      event_id: event.id,
      account_id: accountId,
      kind,
      recipient,
      content: JSON.stringify(content),
      created_at: now,
      next_attempt_at: now,
    });
    return "queued";
  });
}
