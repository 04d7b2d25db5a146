import type { Passkey } from "@sotto/contracts/second-factor-api";
import { AppError } from "@sotto/platform/app-error";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { updatePasskeyName } from "./passkey-queries.ts";

/** @throws AppError `not_found` when the account has no such passkey. */
export async function renamePasskey(
  context: Pick<UserContext, "db" | "ids" | "clock">,
  renaming: { accountId: string; passkeyId: string; name: string },
  origin: Origin,
): Promise<Passkey> {
  const { accountId, passkeyId, name } = renaming;
  return context.db.transaction().execute(async (tx) => {
    const renamed = await updatePasskeyName(tx, renaming);
    if (!renamed) throw noSuchPasskey();
    await recordAudit(tx, context, {
      accountId,
      type: "passkey-renamed",
      origin,
      details: { passkeyId, name },
    });
    return renamed;
  });
}

export function noSuchPasskey(): AppError {
  return new AppError("not_found", "The account has no such passkey.");
}
