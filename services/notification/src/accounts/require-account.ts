import { AppError } from "@sotto/platform/app-error";
import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { hasMark } from "./account-queries.ts";
import { deletedAccountMark } from "./deleted-account-mark.ts";

/**
 * @throws AppError `session_revoked` when the account is gone: its last access tokens outlive it by minutes, and must not
 * make anything be stored of it again.
 */
export async function requireAccount(db: Executor<NotifyDatabase>, accountId: string): Promise<void> {
  if (await hasMark(db, deletedAccountMark(accountId)))
    throw new AppError("session_revoked", "The account of this session is gone.");
}
