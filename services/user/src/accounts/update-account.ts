import type { Account } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { updateDisplayName } from "./account-queries.ts";

/** Changes what an account says of itself. @throws AppError `session_revoked` when the account has gone. */
export async function updateAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { accountId, displayName, origin }: { accountId: string; displayName: string | null; origin: Origin },
): Promise<Account> {
  return context.db.transaction().execute(async (tx) => {
    const account = await updateDisplayName(tx, accountId, displayName);
    if (!account) throw new AppError("session_revoked", "The account of this session is gone.");
    await recordAudit(tx, context, { accountId, type: "profile-changed", origin });
    return account;
  });
}
