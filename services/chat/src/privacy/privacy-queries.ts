import type { PrivacySettings } from "@sotto/contracts/people-api";
import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";

/** What an account has said; null where the default of the installation holds. */
export type StoredPrivacy = { [Setting in keyof PrivacySettings]: PrivacySettings[Setting] | null };

const columns = sql`who_may_write_first as "whoMayWriteFirst", presence, receipts`;

export async function findPrivacy(
  db: Executor<ChatDatabase>,
  accountId: string,
): Promise<StoredPrivacy | undefined> {
  const { rows } = await sql<StoredPrivacy>`
    select ${columns} from chat.privacy where account_id = ${accountId}::uuid`.execute(db);
  return rows[0];
}

/** Changes what is not null and leaves the rest alone; of changes at the same time none is lost. */
export async function upsertPrivacy(
  tx: Transaction<ChatDatabase>,
  accountId: string,
  change: StoredPrivacy,
  now: Date,
): Promise<StoredPrivacy> {
  const { rows } = await sql<StoredPrivacy>`
    insert into chat.privacy as p (account_id, who_may_write_first, presence, receipts, updated_at)
    values (${accountId}::uuid, ${change.whoMayWriteFirst}, ${change.presence}, ${change.receipts}, ${now})
    on conflict (account_id) do update set
      who_may_write_first = coalesce(excluded.who_may_write_first, p.who_may_write_first),
      presence = coalesce(excluded.presence, p.presence),
      receipts = coalesce(excluded.receipts, p.receipts),
      updated_at = excluded.updated_at
    returning ${columns}`.execute(tx);
  return rows[0] as StoredPrivacy;
}
