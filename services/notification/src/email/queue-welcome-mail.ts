import type { DomainEvent } from "@sotto/contracts/events";
import type { NotificationContext } from "../context.ts";
import { insertEmail, insertProcessedEvent } from "./email-queries.ts";

/**
 * Queues the welcome mail of a new account: once, however often the event is delivered. The mark that the event
 * was processed and the mail are one transaction.
 */
export function queueWelcomeMail(
  { db, clock, ids }: Pick<NotificationContext, "db" | "clock" | "ids">,
  event: DomainEvent<"user.account-registered">,
): Promise<"queued" | "repeated"> {
  return db.transaction().execute(async (tx) => {
    const now = clock.now();
    const isFirst = await insertProcessedEvent(tx, {
      consumer: "email",
      event_id: event.id,
      processed_at: now,
    });
    if (!isFirst) return "repeated";
    await insertEmail(tx, {
      id: ids.uuidv7(),
      event_id: event.id,
      kind: "welcome",
      recipient: event.data.email,
      content: JSON.stringify({ username: event.data.username }),
      created_at: now,
      next_attempt_at: now,
    });
    return "queued";
  });
}
