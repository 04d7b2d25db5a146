import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";
import { findAddressee } from "../accounts/account-queries.ts";
import type { NotificationContext } from "../context.ts";
import { getPreferences } from "../preferences/preference-queries.ts";
import { deleteUnsentOf, insertEmailOnce } from "./email-queries.ts";
import type { MailContent } from "./mail-kinds.ts";
import { findSuppression } from "./suppression-queries.ts";

type Tx = Transaction<NotifyDatabase>;

/** `eventId` is of the event that caused it: one event makes one digest. `waiting` counts messages. */
export type Digest = { readonly accountId: string; readonly eventId: string; readonly waiting: number };

/**
 * Queues the mail that says how many messages wait. "skipped" when there is nobody to tell: the account is unknown or
 * not active, its address is not proved or is suppressed, it wants no digests, or the event has made one already.
 */
export async function queueDigest(
  tx: Tx,
  { clock, ids }: Pick<NotificationContext, "clock" | "ids">,
  { accountId, eventId, waiting }: Digest,
): Promise<"queued" | "skipped"> {
  if (waiting < 1) return "skipped";
  const addressee = await findAddressee(tx, accountId);
  if (!addressee?.active || !addressee.email_verified) return "skipped";
  if (!(await getPreferences(tx, accountId)).email_digest) return "skipped";
  if (await findSuppression(tx, addressee.email)) return "skipped";
  const content: MailContent<"digest"> = { waiting };
  const now = clock.now();
  const isNew = await insertEmailOnce(tx, {
    id: ids.uuidv7(),
    event_id: eventId,
    account_id: accountId,
    kind: "digest",
    recipient: addressee.email,
    language: addressee.language,
    content: JSON.stringify(content),
    created_at: now,
    next_attempt_at: now,
  });
  return isNew ? "queued" : "skipped";
}

/** What was to be told is no longer so: somebody is there, or wants no digests. A digest that is being sent goes out. */
export function deleteUnsentDigests(tx: Tx, accountId: string): Promise<void> {
  return deleteUnsentOf(tx, accountId, "digest");
}
