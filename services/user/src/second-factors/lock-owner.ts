import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import { findSignInAccountForUpdate, type LockedAccount } from "../sessions/sign-in-queries.ts";

/**
 * The caller's account, locked: what changes its credentials, and what relies on them, happens one after the other.
 * @throws AppError `session_revoked` when the account has gone since the caller's session was checked.
 */
export async function lockOwner(
  tx: Transaction<AccountDatabase>,
  accountId: string,
): Promise<LockedAccount["account"]> {
  const locked = await findSignInAccountForUpdate(tx, accountId);
  if (!locked) throw new AppError("session_revoked", "The account of this session is gone.");
  return locked.account;
}
