import { limits } from "@sotto/contracts/limits";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { formatRecoveryCode, RECOVERY_CODE_CHARACTERS, readRecoveryCode } from "./recovery-code.ts";
import { replaceRecoveryCodes } from "./second-factor-queries.ts";

/** New codes in place of all former ones; only their keyed hashes are stored. Lock the account before. */
export async function issueRecoveryCodes(
  tx: Transaction<AccountDatabase>,
  context: Pick<UserContext, "sealer" | "randomBytes">,
  accountId: string,
): Promise<string[]> {
  const codes = new Set<string>();
  while (codes.size < limits.recoveryCodes) {
    codes.add(formatRecoveryCode(context.randomBytes(RECOVERY_CODE_CHARACTERS)));
  }
  const hashes = [...codes].map((code) => hashRecoveryCode(context, accountId, code));
  await replaceRecoveryCodes(
    tx,
    accountId,
    hashes.filter((hash) => hash !== undefined),
  );
  return [...codes];
}

/** Undefined when `text` cannot be a code. The account is part of it: one code has another hash with each account. */
export function hashRecoveryCode(
  { sealer }: Pick<UserContext, "sealer">,
  accountId: string,
  text: string,
): Buffer | undefined {
  const code = readRecoveryCode(text);
  return code === undefined ? undefined : sealer.fingerprint("recovery-code", `${accountId}:${code}`);
}
