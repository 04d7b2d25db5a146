import { backoffMs } from "@sotto/platform/bus/backoff";
import type { Clock } from "@sotto/platform/clock";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Ids } from "@sotto/platform/ids";
import type { Logger } from "@sotto/platform/log";
import { appendEvents } from "@sotto/platform/outbox";
import type { Kysely } from "kysely";
import type { Counter } from "prom-client";
import type { NotificationConfig } from "../config.ts";
import { judgeFailure } from "./delivery-verdict.ts";
import { claimEmails, type Email, setEmailFailed, setEmailRetry, setEmailSent } from "./email-queries.ts";
import { renderMail } from "./render-mail.ts";
import type { Smtp } from "./smtp.ts";

export type SendDeps = {
  db: Kysely<NotifyDatabase>;
  clock: Clock;
  ids: Ids;
  log: Logger;
  smtp: Smtp;
  /** Opens the links in mails. */
  sealKey: NotificationConfig["SEAL_KEY"];
  /** Where the pages are that mails lead to. */
  publicUrl: string;
  emails: Counter<"outcome">;
};

export const BATCH_SIZE = 10;
/** Longer than all the timeouts of one SMTP dialogue together. */
const LEASE_MS = 30_000;
const BACKOFF = { firstMs: 1000, maxMs: 15 * 60_000 };
const GIVE_UP_AFTER_MS = 3 * 24 * 3_600_000;

/**
 * Sends up to a batch of mails that are due. @returns how many it tried.
 *
 * SMTP knows no transaction: when the process dies after the server took the mail and before `sent_at` is written,
 * the mail is sent again once the lease has ended. Both copies carry the same Message-ID, by which mail servers
 * and readers drop the second.
 */
export async function sendDueMail(deps: SendDeps): Promise<number> {
  const now = deps.clock.now();
  const leaseEnd = new Date(now.getTime() + LEASE_MS);
  const claimed = await claimEmails(deps.db, { now, leaseEnd, limit: BATCH_SIZE });
  await Promise.all(claimed.map((email) => sendOne(deps, email)));
  return claimed.length;
}

async function sendOne(deps: SendDeps, email: Email): Promise<void> {
  try {
    const rendered = await renderMail({ ...deps, now: deps.clock.now() }, email);
    if ("unsendable" in rendered) return await giveUp(deps, email, rendered.unsendable);
    await deps.smtp.send({ ...rendered, to: email.recipient, messageKey: `${email.event_id}.${email.kind}` });
  } catch (error) {
    await settleFailure(deps, email, error);
    return;
  }
  await setEmailSent(deps.db, email.id, deps.clock.now());
  deps.emails.inc({ outcome: "sent" });
}

async function settleFailure(deps: SendDeps, email: Email, error: unknown): Promise<void> {
  const { permanent, reason } = judgeFailure(error);
  const now = deps.clock.now();
  const isTooOld = now.getTime() - email.created_at.getTime() > GIVE_UP_AFTER_MS;
  const about = { emailId: email.id, kind: email.kind, attempt: email.attempts, reason };
  if (permanent || isTooOld) return giveUp(deps, email, reason);
  const nextAttemptAt = new Date(now.getTime() + backoffMs(email.attempts, BACKOFF));
  deps.log.warn({ ...about, nextAttemptAt }, "a mail could not be sent and is tried again");
  await setEmailRetry(deps.db, email.id, { nextAttemptAt, error: reason });
  deps.emails.inc({ outcome: "retried" });
}

async function giveUp(deps: SendDeps, email: Email, reason: string): Promise<void> {
  const about = { emailId: email.id, kind: email.kind, attempt: email.attempts, reason };
  deps.log.error(about, "a mail could not be delivered");
  await recordFailure(deps, email, reason);
  deps.emails.inc({ outcome: "failed" });
}

async function recordFailure({ db, clock, ids }: SendDeps, email: Email, reason: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (!(await setEmailFailed(tx, email.id, { failedAt: clock.now(), error: reason }))) return;
    await appendEvents(tx, { clock, ids }, [
      {
        type: "notification.delivery-failed",
        key: email.event_id,
        data: { sourceEventId: email.event_id, channel: "email", reason },
      },
    ]);
  });
}
