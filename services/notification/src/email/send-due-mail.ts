import { backoffMs } from "@sotto/platform/bus/backoff";
import type { NotificationContext } from "../context.ts";
import { judgeFailure } from "./delivery-verdict.ts";
import type { EmailMetrics, Outcome } from "./email-metrics.ts";
import { claimEmails, type Email, setEmailRetry, setEmailSent, setEmailWaiting } from "./email-queries.ts";
import type { FaultAlarm } from "./fault-alarm.ts";
import { giveUp } from "./give-up.ts";
import { type RenderDeps, renderMail } from "./render-mail.ts";
import { CONNECTIONS, type Smtp } from "./smtp.ts";
import { findSuppression } from "./suppression-queries.ts";
import { takeTurn } from "./take-turn.ts";

export type SendDeps = RenderDeps &
  Pick<NotificationContext, "db" | "clock" | "ids" | "log" | "limits"> & {
    readonly smtp: Smtp;
    readonly emails: EmailMetrics;
    readonly alarm: FaultAlarm;
  };

/** Each of a batch has a connection of its own, so that none waits while its lease runs. */
export const BATCH_SIZE = CONNECTIONS;
/** Longer than the longest SMTP dialogue. */
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
  await Promise.all(
    claimed.map(async (email) => {
      const outcome = await sendOne(deps, email);
      deps.emails.inc({ kind: email.kind, outcome });
    }),
  );
  return claimed.length;
}

async function sendOne(deps: SendDeps, email: Email): Promise<Outcome> {
  const { db, clock, limits } = deps;
  try {
    const rendered = await renderMail({ ...deps, now: clock.now() }, email);
    if ("unsendable" in rendered) return await giveUp(deps, email, "unsendable", rendered.unsendable);
    if (await findSuppression(db, email.recipient))
      return await giveUp(deps, email, "suppressed", "the address is suppressed");
    const waitMs = await takeTurn({ limits }, email.recipient);
    if (waitMs > 0) return await waitForTurn(deps, email, waitMs);
    await deps.smtp.send({ ...rendered, to: email.recipient, messageKey: `${email.event_id}.${email.kind}` });
  } catch (error) {
    return await settleFailure(deps, email, error);
  }
  await setEmailSent(db, email.id, clock.now());
  deps.alarm.clear();
  return "sent";
}

/** What protects an account waits; what only tells that something waits is not worth it. */
async function waitForTurn(deps: SendDeps, email: Email, waitMs: number): Promise<Outcome> {
  const reason = "too many mails to this address";
  if (email.kind === "digest" || isTooOld(deps, email)) return giveUp(deps, email, "dropped", reason);
  const nextAttemptAt = new Date(deps.clock.now().getTime() + waitMs);
  await setEmailWaiting(deps.db, email.id, { nextAttemptAt, error: reason });
  return "delayed";
}

async function settleFailure(deps: SendDeps, email: Email, error: unknown): Promise<Outcome> {
  const { outcome, reason } = judgeFailure(error);
  if (outcome === "no-such-address") {
    const { recipient: address } = email;
    return giveUp(deps, email, "refused", reason, { address, reason, since: deps.clock.now() });
  }
  if (outcome === "refused" || isTooOld(deps, email)) return giveUp(deps, email, "refused", reason);
  if (outcome === "fault") deps.alarm.raise(reason);
  const nextAttemptAt = new Date(deps.clock.now().getTime() + backoffMs(email.attempts, BACKOFF));
  const about = { emailId: email.id, kind: email.kind, attempt: email.attempts, reason, nextAttemptAt };
  deps.log.warn(about, "a mail could not be sent and is tried again");
  await setEmailRetry(deps.db, email.id, { nextAttemptAt, error: reason });
  return outcome === "fault" ? "faulty" : "retried";
}

const isTooOld = ({ clock }: SendDeps, email: Email): boolean =>
  clock.now().getTime() - email.created_at.getTime() > GIVE_UP_AFTER_MS;
