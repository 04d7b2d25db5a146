import type { PublicAccount } from "@sotto/contracts/user-api";
import type { UserContext } from "../context.ts";
import { listAccountsInRange } from "./account-queries.ts";
import { prefixRange } from "./prefix-range.ts";

/** Up to `limit` accounts whose username starts with `prefix`, in the order of their names; an exact match comes first. */
export function searchAccounts(
  context: Pick<UserContext, "db">,
  query: { prefix: string; limit: number },
): Promise<PublicAccount[]> {
  return listAccountsInRange(context.db, prefixRange(query.prefix), query.limit);
}
