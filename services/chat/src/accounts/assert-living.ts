import { AppError } from "@sotto/platform/app-error";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";
import { holdAccounts } from "../devices/account-lock.ts";
import { noSuchAccount } from "../people/refusals.ts";
import { listDeleted } from "./deletion-queries.ts";

/**
 * For whatever is about to store something of the caller, perhaps about another account: makes sure that neither has
 * been deleted, and that no deletion begins before `tx` ends. Takes advisory locks: call it before any row is locked.
 * @throws AppError `session_revoked` for a caller with a last access token, `not_found` for the other.
 */
export async function assertLiving(
  tx: Transaction<ChatDatabase>,
  callerAccountId: string,
  otherAccountId?: string,
): Promise<void> {
  const accountIds = otherAccountId === undefined ? [callerAccountId] : [callerAccountId, otherAccountId];
  await holdAccounts(tx, accountIds);
  const deleted = await listDeleted(tx, accountIds);
  if (deleted.includes(callerAccountId)) throw accountDeleted();
  if (deleted.length > 0) throw noSuchAccount();
}

/** What the last access tokens of a deleted account are told. */
export function accountDeleted(): AppError {
  return new AppError("session_revoked", "The account has been deleted.");
}
