import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { lowestUuidv7 } from "../upkeep/lowest-uuidv7.ts";
import { insertViews, lockViews } from "./operator-queries.ts";

const ONCE_IN_MS = 60 * 60 * 1000;

/** Writes down that an operator looked at accounts: of each account, kind and operator once in an hour. */
export async function recordViews(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  accountIds: readonly string[],
  view: { type: "operator-viewed" | "operator-audit-viewed"; operatorId: string; origin: Origin },
): Promise<void> {
  if (accountIds.length === 0) return;
  const at = context.clock.now();
  const since = new Date(at.getTime() - ONCE_IN_MS);
  await context.db.transaction().execute(async (tx) => {
    await lockViews(tx, view.operatorId);
    await insertViews(
      tx,
      accountIds.map((accountId) => ({ accountId, auditId: context.ids.uuidv7() })),
      {
        ...{ type: view.type, operatorId: view.operatorId, at, since, sinceId: lowestUuidv7(since) },
        address: view.origin.address ?? null,
        sessionId: view.origin.sessionId ?? null,
      },
    );
  });
}
