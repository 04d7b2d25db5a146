import { appendEvents } from "@sotto/platform/outbox";
import type { NotificationContext } from "../context.ts";
import { isNoSuchAddress } from "../email/delivery-verdict.ts";
import { setEmailBounced } from "../email/email-queries.ts";
import { insertSuppression } from "../email/suppression-queries.ts";
import type { Bounce } from "./read-bounce.ts";

/**
 * Takes note that a mail which a mail server had taken did not arrive: the mail counts as failed, integrators are told, and
 * the address gets no more when the server says that there is none such. Only of mails that were sent to this
 * address, and once; whatever else is said of a mail is not believed.
 */
export async function recordBounce(
  { db, clock, ids, log, emails }: Pick<NotificationContext, "db" | "clock" | "ids" | "log" | "emails">,
  { eventId, kind, recipient, status }: Bounce,
): Promise<"recorded" | "unknown"> {
  const reason = `bounced ${status}`;
  const isRecorded = await db.transaction().execute(async (tx) => {
    const now = clock.now();
    if (!(await setEmailBounced(tx, { eventId, kind, recipient, at: now, error: reason }))) return false;
    if (isNoSuchAddress(status)) await insertSuppression(tx, { address: recipient, reason, since: now });
    await appendEvents(tx, { clock, ids }, [
      {
        type: "notification.delivery-failed",
        key: eventId,
        data: { sourceEventId: eventId, channel: "email", reason },
      },
    ]);
    return true;
  });
  if (!isRecorded) return "unknown";
  log.warn({ eventId, kind, status }, "a mail bounced");
  emails.inc({ kind, outcome: "bounced" });
  return "recorded";
}
