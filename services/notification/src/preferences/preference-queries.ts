import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";

type Db = Executor<NotifyDatabase>;

/** Who has chosen nothing gets digests. */
export async function isDigestWanted(db: Db, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom("preferences")
    .select("email_digest")
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row?.email_digest ?? true;
}

/** Behind `lockAccount`: else the preferences of an account could be written while it is forgotten. */
export async function setDigestWanted(
  tx: Transaction<NotifyDatabase>,
  accountId: string,
  wanted: boolean,
  at: Date,
): Promise<void> {
  await tx
    .insertInto("preferences")
    .values({ account_id: accountId, email_digest: wanted, updated_at: at })
    .onConflict((conflict) =>
      conflict.column("account_id").doUpdateSet({ email_digest: wanted, updated_at: at }),
    )
    .execute();
}

export async function deletePreferences(tx: Transaction<NotifyDatabase>, accountId: string): Promise<void> {
  await tx.deleteFrom("preferences").where("account_id", "=", accountId).execute();
}
