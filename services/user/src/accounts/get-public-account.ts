import type { PublicAccount } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import type { UserContext } from "../context.ts";
import { findPublicAccount } from "./account-queries.ts";

/**
 * What others may learn of an account by its id, such as the one that asks to become a contact.
 * @throws AppError `not_found` for what is no active account, whether it never was or is hidden; `rate_limited`
 */
export async function getPublicAccount(
  context: Pick<UserContext, "db" | "limits">,
  caller: { accountId: string },
  accountId: string,
): Promise<PublicAccount> {
  await context.limits.take("search.account", caller.accountId);
  const account = await findPublicAccount(context.db, accountId);
  if (!account) throw new AppError("not_found", "There is no such account.");
  return account;
}
