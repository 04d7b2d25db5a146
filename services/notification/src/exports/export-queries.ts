import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";

export type ExportedMail = {
  readonly mailId: string;
  readonly kind: string;
  readonly recipient: string;
  readonly language: string | null;
  readonly queuedAt: Date;
  readonly sentAt: Date | null;
  readonly failedAt: Date | null;
};

/** An account's mails after `after`, oldest first (ids are UUIDv7); by the index email_of_account. */
export async function listExportedMails(
  db: Executor<NotifyDatabase>,
  accountId: string,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<ExportedMail[]> {
  const rows = await db
    .selectFrom("email")
    .select(["id", "kind", "recipient", "language", "created_at", "sent_at", "failed_at"])
    .where("account_id", "=", accountId)
    .$if(after !== undefined, (query) => query.where("id", ">", after as string))
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    mailId: row.id,
    kind: row.kind,
    recipient: row.recipient,
    language: row.language,
    queuedAt: row.created_at,
    sentAt: row.sent_at,
    failedAt: row.failed_at,
  }));
}
