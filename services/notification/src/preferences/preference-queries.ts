import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Selectable, Transaction } from "kysely";

type Db = Executor<NotifyDatabase>;

export type StoredPreferences = Omit<Selectable<NotifyDatabase["preferences"]>, "account_id" | "updated_at">;

/** What holds for an account that has chosen nothing. */
const DEFAULTS: StoredPreferences = {
  email_digest: true,
  push: true,
  time_zone: null,
  quiet_from: null,
  quiet_to: null,
};

/** All of them, whether the account has chosen or not. */
export async function getPreferences(db: Db, accountId: string): Promise<StoredPreferences> {
  const row = await db
    .selectFrom("preferences")
    .select(["email_digest", "push", "time_zone", "quiet_from", "quiet_to"])
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row ?? DEFAULTS;
}

/** Behind `lockAccount`: else the preferences of an account could be written while it is forgotten. */
export async function putPreferences(
  tx: Transaction<NotifyDatabase>,
  accountId: string,
  change: Partial<StoredPreferences>,
  at: Date,
): Promise<void> {
  await tx
    .insertInto("preferences")
    .values({ account_id: accountId, ...change, updated_at: at })
    .onConflict((conflict) => conflict.column("account_id").doUpdateSet({ ...change, updated_at: at }))
    .execute();
}

export async function deletePreferences(tx: Transaction<NotifyDatabase>, accountId: string): Promise<void> {
  await tx.deleteFrom("preferences").where("account_id", "=", accountId).execute();
}
