import type { OperatorRole } from "@sotto/contracts/operator-api";
import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { actOnAccount, type OperatorAct } from "./act-on-account.ts";
import { updateRole } from "./operator-queries.ts";

/** Gives an account a role, or with null takes it away; in force with the next request. @throws AppError `forbidden`, `not_found`. */
export async function changeRole(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { role, ...act }: OperatorAct & { role: OperatorRole | null },
): Promise<void> {
  const { operatorId: actorAccountId, targetId: accountId, origin, reason } = act;
  await actOnAccount(context, "change-role", act, async (tx, target) => {
    if (target.role === role) return;
    await updateRole(tx, accountId, role);
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId, origin, type: "operator-role-changed" },
      details: { reason, from: target.role, to: role },
    });
  });
}
