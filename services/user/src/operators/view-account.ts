import type { OperatedAccount } from "@sotto/contracts/operator-api";
import { AppError } from "@sotto/platform/app-error";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { endedBefore } from "../sessions/session-age.ts";
import { findOperatedAccount } from "./operator-queries.ts";
import { recordViews } from "./record-views.ts";

/** An account as operators see it; that it was seen stands in its audit log. @throws AppError `not_found`. */
export async function viewAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { operatorId, targetId, origin }: { operatorId: string; targetId: string; origin: Origin },
): Promise<OperatedAccount> {
  const account = await findOperatedAccount(context.db, targetId, endedBefore(context.clock.now()).used);
  if (!account) throw new AppError("not_found", "There is no such account.");
  await recordViews(context, [targetId], { type: "operator-viewed", operatorId, origin });
  return account;
}
