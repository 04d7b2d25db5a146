import { AppError } from "@sotto/platform/app-error";
import { type AuditPage, listAudit } from "../audit/list-audit.ts";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { findActor } from "./operator-queries.ts";
import { recordViews } from "./record-views.ts";

/** A page of an account's audit log, whole; that it was read stands in it. @throws AppError `not_found`. */
export async function viewAudit(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { operatorId, targetId, origin }: { operatorId: string; targetId: string; origin: Origin },
  page: { after?: string | undefined; limit: number },
): Promise<AuditPage> {
  if (!(await findActor(context.db, targetId))) throw new AppError("not_found", "There is no such account.");
  await recordViews(context, [targetId], { type: "operator-audit-viewed", operatorId, origin });
  return listAudit(context, targetId, page);
}
