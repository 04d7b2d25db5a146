import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Transaction } from "kysely";
import { lockAccount } from "../accounts/account-queries.ts";
import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import { tellListChanged } from "./tell-list-changed.ts";

export type ChangeContext = Pick<NotificationContext, "db" | "clock" | "ids">;

/**
 * Changes an account's list in one transaction, one change after the other, and tells of it when `change` says that it
 * changed something. @throws AppError `session_revoked` when the account is gone.
 */
export async function changeList(
  context: ChangeContext,
  accountId: string,
  change: (tx: Transaction<NotifyDatabase>) => Promise<number>,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    await requireAccount(tx, accountId);
    if ((await change(tx)) > 0) await tellListChanged(tx, context, accountId);
  });
}
