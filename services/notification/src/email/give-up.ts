import { appendEvents } from "@sotto/platform/outbox";
import type { NotificationContext } from "../context.ts";
import type { Outcome } from "./email-metrics.ts";
import { type Email, setEmailFailed } from "./email-queries.ts";
import { insertSuppression, type Suppression } from "./suppression-queries.ts";

/** Ends a mail that was not sent, tells it as an event, and suppresses its address when there is none such. */
export async function giveUp<O extends Outcome>(
  { db, clock, ids, log }: Pick<NotificationContext, "db" | "clock" | "ids" | "log">,
  email: Email,
  outcome: O,
  reason: string,
  suppression?: Suppression,
): Promise<O> {
  const about = { emailId: email.id, kind: email.kind, attempt: email.attempts, outcome, reason };
  log.warn(about, "a mail could not be delivered");
  await db.transaction().execute(async (tx) => {
    if (suppression) await insertSuppression(tx, suppression);
    if (!(await setEmailFailed(tx, email.id, { failedAt: clock.now(), error: reason }))) return;
    await appendEvents(tx, { clock, ids }, [
      {
        type: "notification.delivery-failed",
        key: email.event_id,
        data: { sourceEventId: email.event_id, channel: "email", reason },
      },
    ]);
  });
  return outcome;
}
