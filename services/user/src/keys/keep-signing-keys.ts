import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { isAbandoned, isAccepted, isRotationDue } from "./key-schedule.ts";
import { openSigningKeys } from "./open-signing-keys.ts";
import { rotateSigningKeys } from "./rotate-signing-keys.ts";
import { deleteSigningKeys, listSigningKeys, lockSigningKeys } from "./signing-key-queries.ts";

export type KeepDeps = Pick<UserContext, "clock" | "randomBytes" | "sealer" | "signingKeyDays">;

/**
 * Makes the first signing key when there is none, and the next one when the newest has signed for its days; forgets those
 * that have retired. In the caller's transaction, one service at a time; answers the `kid` of the key that was made.
 */
export async function keepSigningKeys(
  tx: Transaction<AccountDatabase>,
  deps: KeepDeps,
): Promise<string | undefined> {
  await lockSigningKeys(tx);
  const now = deps.clock.now();
  const rows = openSigningKeys(deps, await listSigningKeys(tx));
  const gone = rows.filter(
    (row) => !isAccepted(row, now) || (!row.key && isAbandoned(row, now, deps.signingKeyDays)),
  );
  await deleteSigningKeys(
    tx,
    gone.map(({ kid }) => kid),
  );
  const own = rows.filter((row) => row.key && !gone.includes(row));
  if (!isRotationDue(own, now, deps.signingKeyDays)) return undefined;
  return rotateSigningKeys(tx, deps, { revoke: false });
}
