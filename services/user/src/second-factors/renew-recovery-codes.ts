import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { countPasskeys } from "../passkeys/passkey-queries.ts";
import { issueRecoveryCodes } from "./issue-recovery-codes.ts";
import { lockOwner } from "./lock-owner.ts";
import { findTotp } from "./second-factor-queries.ts";

/**
 * New recovery codes; the former ones are worth nothing any more.
 * @throws AppError `not_found` for an account without a second factor, which needs none.
 */
export async function renewRecoveryCodes(
  context: Pick<UserContext, "db" | "sealer" | "clock" | "ids" | "randomBytes">,
  accountId: string,
  origin: Origin,
): Promise<string[]> {
  return context.db.transaction().execute(async (tx) => {
    const owner = await lockOwner(tx, accountId);
    const totp = await findTotp(tx, accountId);
    if (!totp?.confirmedAt && (await countPasskeys(tx, accountId)) === 0) {
      throw new AppError("not_found", "The account has no second factor to recover from the loss of.");
    }
    await recordAudit(tx, context, { accountId, type: "recovery-codes-renewed", origin });
    await appendEvents(tx, context, [ownerNotice(owner, "recovery-codes-renewed")]);
    return issueRecoveryCodes(tx, context, accountId);
  });
}
