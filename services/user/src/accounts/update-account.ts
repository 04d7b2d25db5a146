import type { Account } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { type Profile, updateProfile } from "./account-queries.ts";
import { tellUpdated } from "./tell-updated.ts";

/** Changes what an account says of itself. @throws AppError `session_revoked` when the account has gone. */
export async function updateAccount(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  accountId: string,
  change: { [K in keyof Profile]?: Profile[K] | undefined },
  origin: Origin,
): Promise<Account> {
  const { displayName, language } = change;
  return context.db.transaction().execute(async (tx) => {
    const account = await updateProfile(tx, accountId, { displayName, language });
    if (!account) throw new AppError("session_revoked", "The account of this session is gone.");
    await recordAudit(tx, context, { accountId, type: "profile-changed", origin });
    if (language !== undefined) await tellUpdated(tx, context, accountId);
    return account;
  });
}
