import type { Account } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import type { UserContext } from "../context.ts";
import { findAccount } from "./account-queries.ts";

/** @throws AppError `session_revoked` when the account has gone since the caller's session was checked. */
export async function getAccount(context: Pick<UserContext, "db">, accountId: string): Promise<Account> {
  const account = await findAccount(context.db, accountId);
  if (!account) throw new AppError("session_revoked", "The account of this session is gone.");
  return account;
}
