import type { SecondFactorMethod, SecondFactorProof } from "@sotto/contracts/session-api";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { appendEvents } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import { type Owner, ownerNotice } from "../audit/owner-notice.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { usePasskey } from "../passkeys/use-passkey.ts";
import { verifyPasskey } from "../passkeys/verify-passkey.ts";
import { hashRecoveryCode } from "./issue-recovery-codes.ts";
import { openTotpSecret } from "./open-totp-secret.ts";
import { advanceTotpStep, deleteRecoveryCode, findTotp } from "./second-factor-queries.ts";
import { matchingStep } from "./totp-code.ts";

type Deps = Pick<UserContext, "sealer" | "clock" | "ids" | "publicOrigin" | "log">;
type Given = {
  readonly proof: SecondFactorProof;
  /** What a passkey must have signed. */
  readonly webauthn: string;
  readonly origin: Origin;
};

export type ConsumedProof = { readonly method: SecondFactorMethod } | { readonly refused: string };

/**
 * Uses a second factor up, in the transaction of what it allows. `refused` says why, for the audit log and nobody else.
 * No code works twice, also not at the same moment.
 */
export async function consumeProof(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  owner: Owner,
  { proof, webauthn, origin }: Given,
): Promise<ConsumedProof> {
  if ("totp" in proof) return consumeTotp(tx, context, owner.accountId, proof.totp);
  if ("recoveryCode" in proof) return consumeRecoveryCode(tx, context, owner, { ...proof, origin });
  const verified = await verifyPasskey(tx, context, { webauthn, response: proof.passkey });
  if (verified?.accountId !== owner.accountId) return { refused: "passkey" };
  return (await usePasskey(tx, context, verified)) ? { method: "passkey" } : { refused: "signature-counter" };
}

async function consumeTotp(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  accountId: string,
  code: string,
): Promise<ConsumedProof> {
  const refused = { refused: "totp" };
  const totp = await findTotp(tx, accountId);
  if (!totp?.confirmedAt) return refused;
  const { sealedSecret } = totp;
  const secret = openTotpSecret(context, accountId, sealedSecret);
  const step = matchingStep(secret, code, context.clock.now());
  if (step === undefined) return refused;
  return (await advanceTotpStep(tx, { accountId, sealedSecret, step })) ? { method: "totp" } : refused;
}

async function consumeRecoveryCode(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  owner: Owner,
  { recoveryCode, origin }: { recoveryCode: string; origin: Origin },
): Promise<ConsumedProof> {
  const { accountId } = owner;
  const hash = hashRecoveryCode(context, accountId, recoveryCode);
  if (!hash || !(await deleteRecoveryCode(tx, accountId, hash))) return { refused: "recovery-code" };
  await recordAudit(tx, context, { accountId, type: "recovery-code-used", origin });
  await appendEvents(tx, context, [ownerNotice(owner, "recovery-code-used", origin.client)]);
  return { method: "recovery_code" };
}
