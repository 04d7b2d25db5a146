import type { OperatedAccount } from "@sotto/contracts/operator-api";
import type { AccountState } from "@sotto/contracts/user-api";
import { prefixRange } from "../accounts/prefix-range.ts";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { endedBefore } from "../sessions/session-age.ts";
import { listOperatedAccounts } from "./operator-queries.ts";
import { recordViews } from "./record-views.ts";

export type AccountsQuery = {
  readonly prefix?: string | undefined;
  readonly state?: AccountState | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
};

/** A page of accounts in the order of their names. The list shows as much of each as a look at one, and counts as one. */
export async function viewAccounts(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { operatorId, origin }: { operatorId: string; origin: Origin },
  { prefix, state, after, limit }: AccountsQuery,
): Promise<{ accounts: OperatedAccount[]; next: string | null }> {
  const range = prefix === undefined ? undefined : prefixRange(prefix);
  const found = await listOperatedAccounts(
    context.db,
    { range, state, after, limit: limit + 1 },
    endedBefore(context.clock.now()).used,
  );
  const accounts = found.slice(0, limit);
  const seen = accounts.map(({ accountId }) => accountId);
  await recordViews(context, seen, { type: "operator-viewed", operatorId, origin });
  return { accounts, next: found.length > limit ? (accounts.at(-1)?.username ?? null) : null };
}
