import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { lockOwner } from "./lock-owner.ts";
import { deleteTotp, deleteUselessRecoveryCodes } from "./second-factor-queries.ts";

/** Switches the authenticator app off; a repeat does nothing. Recovery codes go with the last second factor. */
export async function removeTotp(
  context: Pick<UserContext, "db" | "ids" | "clock">,
  accountId: string,
  origin: Origin,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    const owner = await lockOwner(tx, accountId);
    const removed = await deleteTotp(tx, accountId);
    if (!removed?.wasConfirmed) return;
    await deleteUselessRecoveryCodes(tx, accountId);
    await recordAudit(tx, context, { accountId, type: "totp-disabled", origin });
    await appendEvents(tx, context, [ownerNotice(owner, "second-factor-disabled")]);
  });
}
