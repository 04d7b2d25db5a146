import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import { deleteMailTokens } from "../emails/mail-token-queries.ts";
import { deletePendingTotp, setPasswordHash } from "./password-queries.ts";

/**
 * Stores a new password, and calls off what somebody who knew the old one may have begun: the change to another address,
 * an authenticator app that is not confirmed yet, and links that reset the password. Lock the account before.
 */
export async function replacePassword(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  passwordHash: string,
): Promise<void> {
  await setPasswordHash(tx, accountId, passwordHash);
  await deleteMailTokens(tx, accountId, ["change-email", "reset-password"]);
  await deletePendingTotp(tx, accountId);
}
