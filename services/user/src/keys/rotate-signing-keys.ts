import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { planSuccessor } from "./key-schedule.ts";
import { openSigningKeys } from "./open-signing-keys.ts";
import { SIGNING_SEED_BYTES, toSigningKey } from "./signing-key.ts";
import {
  deleteSigningKeys,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  retireSigningKeys,
} from "./signing-key-queries.ts";

/**
 * Makes the next signing key, in the caller's transaction; answers its `kid`. The former keys are accepted for as long
 * as their tokens live; with `revoke` they are gone at once, what they signed is worth nothing, and the new key signs
 * from now on.
 */
export async function rotateSigningKeys(
  tx: Transaction<AccountDatabase>,
  deps: Pick<UserContext, "clock" | "randomBytes" | "sealer">,
  { revoke }: { revoke: boolean },
): Promise<string> {
  await lockSigningKeys(tx);
  const now = deps.clock.now();
  const rows = openSigningKeys(deps, await listSigningKeys(tx));
  if (revoke) await deleteSigningKeys(tx, kidsOf(rows));
  // A key that this service cannot open may be in use by another, whose secret is the right one.
  const former = revoke ? [] : rows.filter((row) => row.key);
  const { signsFrom, formerRetireAt } = planSuccessor(former, now);
  await retireSigningKeys(tx, kidsOf(former), formerRetireAt);
  const seed = deps.randomBytes(SIGNING_SEED_BYTES);
  const { kid, x } = toSigningKey(seed);
  const sealed = deps.sealer.seal("signing-key", seed, kid);
  await insertSigningKey(tx, { kid, publicX: x, sealed, createdAt: now, signsFrom });
  return kid;
}

function kidsOf(rows: readonly { kid: string }[]): string[] {
  return rows.map(({ kid }) => kid);
}
