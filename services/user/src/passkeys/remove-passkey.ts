import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { lockOwner } from "../second-factors/lock-owner.ts";
import { deleteUselessRecoveryCodes } from "../second-factors/second-factor-queries.ts";
import { deletePasskey } from "./passkey-queries.ts";
import { noSuchPasskey } from "./rename-passkey.ts";

/** Recovery codes go with the last second factor. @throws AppError `not_found` when the account has no such passkey. */
export async function removePasskey(
  context: Pick<UserContext, "db" | "ids" | "clock">,
  removal: { accountId: string; passkeyId: string },
  origin: Origin,
): Promise<void> {
  const { accountId, passkeyId } = removal;
  await context.db.transaction().execute(async (tx) => {
    const owner = await lockOwner(tx, accountId);
    if (!(await deletePasskey(tx, removal))) throw noSuchPasskey();
    await deleteUselessRecoveryCodes(tx, accountId);
    await recordAudit(tx, context, { accountId, type: "passkey-removed", origin, details: { passkeyId } });
    await appendEvents(tx, context, [ownerNotice(owner, "passkey-removed")]);
  });
}
