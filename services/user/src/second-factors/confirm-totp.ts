import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { issueRecoveryCodes } from "./issue-recovery-codes.ts";
import { lockOwner } from "./lock-owner.ts";
import { openTotpSecret } from "./open-totp-secret.ts";
import { confirmPendingTotp, findTotp } from "./second-factor-queries.ts";
import { TOTP_PENDING_SECONDS, totpExists } from "./start-totp.ts";
import { matchingStep } from "./totp-code.ts";

type Deps = Pick<UserContext, "db" | "sealer" | "clock" | "ids" | "randomBytes" | "limits">;

/**
 * Switches the authenticator app on, and answers the recovery codes, which are never shown again. From here on a
 * password alone does not sign in.
 * @throws AppError `invalid_code`, `not_found` when none was started or too long ago, `already_exists`, `rate_limited`.
 */
export async function confirmTotp(
  context: Deps,
  { accountId, code }: { accountId: string; code: string },
  origin: Origin,
): Promise<string[]> {
  await context.limits.take("second-factor.account", accountId);
  const codes = await context.db.transaction().execute(async (tx) => {
    const owner = await lockOwner(tx, accountId);
    const totp = await findTotp(tx, accountId);
    if (totp?.confirmedAt) throw totpExists();
    const at = context.clock.now();
    if (!totp || totp.createdAt.getTime() + TOTP_PENDING_SECONDS * 1000 <= at.getTime()) throw notStarted();
    const { sealedSecret } = totp;
    const step = matchingStep(openTotpSecret(context, accountId, sealedSecret), code, at);
    if (step === undefined) throw invalidCode();
    if (!(await confirmPendingTotp(tx, { accountId, sealedSecret, step, at }))) throw notStarted();
    await recordAudit(tx, context, { accountId, type: "totp-enabled", origin });
    await appendEvents(tx, context, [ownerNotice(owner, "second-factor-enabled")]);
    return issueRecoveryCodes(tx, context, accountId);
  });
  await context.limits.giveBack("second-factor.account", accountId);
  return codes;
}

function notStarted(): AppError {
  return new AppError("not_found", "No authenticator app waits to be confirmed. Start again.");
}

export function invalidCode(): AppError {
  return new AppError("invalid_code", "The code is not right, or was used already.");
}
