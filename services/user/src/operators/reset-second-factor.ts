import { notifyOwner } from "../audit/notify-owner.ts";
import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { actOnAccount, type OperatorAct } from "./act-on-account.ts";
import { deleteSecondFactors } from "./operator-queries.ts";

/**
 * Takes all second factors away, for an owner who has lost them: the password alone signs in again.
 * The owner hears of it. @throws AppError `forbidden`, `not_found`.
 */
export async function resetSecondFactor(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  act: OperatorAct,
): Promise<void> {
  const { operatorId: actorAccountId, targetId: accountId, origin, reason } = act;
  await actOnAccount(context, "reset-second-factor", act, async (tx) => {
    const deleted = await deleteSecondFactors(tx, accountId);
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId, origin, type: "operator-second-factor-reset" },
      details: { reason, ...deleted },
    });
    await notifyOwner(tx, context, { accountId, notice: "second-factor-reset" });
  });
}
