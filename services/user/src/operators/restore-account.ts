import { tellUpdated } from "../accounts/tell-updated.ts";
import { notifyOwner } from "../audit/notify-owner.ts";
import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { actOnAccount, type OperatorAct } from "./act-on-account.ts";
import { updateState } from "./operator-queries.ts";

/**
 * Lets the owner of a suspended account sign in again; its former sessions stay ended. Does nothing to one that is not
 * suspended. @throws AppError `forbidden`, `not_found`.
 */
export async function restoreAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  act: OperatorAct,
): Promise<void> {
  const { operatorId: actorAccountId, targetId: accountId, origin, reason } = act;
  await actOnAccount(context, "restore", act, async (tx, target) => {
    if (target.state !== "suspended") return;
    await updateState(tx, accountId, { state: "active", suspendedReason: null, at: context.clock.now() });
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId, origin, type: "operator-restored" },
      details: { reason },
    });
    await tellUpdated(tx, context, accountId);
    await notifyOwner(tx, context, { accountId, notice: "account-restored" });
  });
}
