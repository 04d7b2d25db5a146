import { AppError } from "@sotto/platform/app-error";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { rotateSigningKeys } from "../keys/rotate-signing-keys.ts";
import { lockActors } from "./operator-queries.ts";
import { mayDo } from "./operator-rules.ts";

export type KeyRotation = {
  readonly operatorId: string;
  readonly reason: string;
  readonly origin: Origin;
  /** Former keys are gone at once, and every access token with them; sessions go on by their refresh tokens. */
  readonly revoke: boolean;
};

/** Makes the next signing key; answers its `kid`. It stands in the operator's own audit log. @throws AppError `forbidden`. */
export async function rotateKeys(
  context: Pick<UserContext, "db" | "clock" | "ids" | "log" | "randomBytes" | "sealer" | "signingKeys">,
  { operatorId: accountId, reason, origin, revoke }: KeyRotation,
): Promise<string> {
  const kid = await context.db.transaction().execute(async (tx) => {
    const operator = (await lockActors(tx, [accountId])).get(accountId);
    if (!operator?.role || !mayDo(operator.role, "rotate-keys")) {
      throw new AppError("forbidden", "Your role does not allow this.");
    }
    const made = await rotateSigningKeys(tx, context, { revoke });
    await recordAudit(tx, context, {
      ...{ accountId, actorAccountId: accountId, origin, type: "operator-keys-rotated" },
      details: { reason, revoke, kid: made },
    });
    return made;
  });
  await context.signingKeys.reload();
  context.log.info({ kid, revoke, operatorId: accountId }, "an operator rotated the signing keys");
  return kid;
}
