import type { PublicAccount } from "@sotto/contracts/user-api";
import type { UserContext } from "../context.ts";
import { listAccountsInRange } from "./account-queries.ts";
import { prefixRange } from "./prefix-range.ts";

/**
 * Up to `limit` active accounts whose username starts with `prefix`, in the order of their names; an exact match comes
 * first. The limit keeps a caller from copying the list of all names. @throws AppError `rate_limited`
 */
export async function searchAccounts(
  context: Pick<UserContext, "db" | "limits">,
  caller: { accountId: string },
  query: { prefix: string; limit: number },
): Promise<PublicAccount[]> {
  await context.limits.take("search.account", caller.accountId);
  return listAccountsInRange(context.db, prefixRange(query.prefix), query.limit);
}
