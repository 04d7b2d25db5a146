import { tellUpdated } from "../accounts/tell-updated.ts";
import { notifyOwner } from "../audit/notify-owner.ts";
import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { revokeAccountSessions } from "../sessions/revoke-account-sessions.ts";
import { actOnAccount, type OperatorAct } from "./act-on-account.ts";
import { updateState } from "./operator-queries.ts";

/**
 * Suspends an account: its sessions end, and it cannot sign in until it is restored. A repeat replaces the reason. An
 * account that waited for its deletion no longer does, so that what is looked into stays.
 * @throws AppError `forbidden`, `not_found`.
 */
export async function suspendAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  act: OperatorAct,
): Promise<void> {
  const { operatorId: actorAccountId, targetId: accountId, origin, reason } = act;
  await actOnAccount(context, "suspend", act, async (tx, target) => {
    await updateState(tx, accountId, {
      state: "suspended",
      suspendedReason: reason,
      at: context.clock.now(),
    });
    const revoked = await revokeAccountSessions(tx, context, { accountId });
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId, origin, type: "operator-suspended" },
      details: { reason, from: target.state, revoked },
    });
    if (target.state === "suspended") return;
    await tellUpdated(tx, context, accountId);
    await notifyOwner(tx, context, { accountId, notice: "account-suspended" });
  });
}
