import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { UserContext } from "../context.ts";
import { isAbandoned, isAccepted, isRotationDue, planSuccessor } from "./key-schedule.ts";
import { openSigningKeys, type SigningKeyRow } from "./open-signing-keys.ts";
import { SIGNING_SEED_BYTES, toSigningKey } from "./signing-key.ts";
import {
  deleteSigningKeys,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  retireSigningKeys,
} from "./signing-key-queries.ts";

export type RotationDeps = Pick<UserContext, "clock" | "randomBytes" | "sealer" | "signingKeyDays">;

/**
 * Keeps the table of signing keys, in the caller's transaction, one service at a time.
 * `when-due`: makes the first key, or the next one when the newest is old enough, and forgets those that have retired.
 * `now`: makes the next key; the former ones are accepted for as long as their tokens live.
 * `at-once`: the new key signs from now on, and every other one is gone: tokens that they signed are worth nothing.
 * Answers the `kid` of the new key, if one was made.
 */
export async function rotateSigningKeys(
  tx: Transaction<AccountDatabase>,
  deps: RotationDeps,
  how: "when-due" | "now" | "at-once",
): Promise<string | undefined> {
  await lockSigningKeys(tx);
  const now = deps.clock.now();
  const rows = openSigningKeys(deps, await listSigningKeys(tx));
  const gone = rows.filter((row) => how === "at-once" || isGone(row, now, deps.signingKeyDays));
  await deleteSigningKeys(
    tx,
    gone.map(({ kid }) => kid),
  );
  const own = rows.filter((row) => row.key && !gone.includes(row));
  if (how === "when-due" && !isRotationDue(own, now, deps.signingKeyDays)) return undefined;
  const { signsFrom, formerRetireAt } = planSuccessor(own, now);
  // A key that this service cannot open may be in use by another, whose secret is the right one.
  await retireSigningKeys(
    tx,
    own.map(({ kid }) => kid),
    formerRetireAt,
  );
  return insertNewKey(tx, deps, signsFrom);
}

function isGone(row: SigningKeyRow, now: Date, days: number): boolean {
  return !isAccepted(row, now) || (!row.key && isAbandoned(row, now, days));
}

async function insertNewKey(
  tx: Transaction<AccountDatabase>,
  { clock, randomBytes, sealer }: RotationDeps,
  signsFrom: Date,
): Promise<string> {
  const seed = randomBytes(SIGNING_SEED_BYTES);
  const { kid, x } = toSigningKey(seed);
  await insertSigningKey(tx, {
    ...{ kid, publicX: x, signsFrom, createdAt: clock.now() },
    sealed: sealer.seal("signing-key", seed, kid),
  });
  return kid;
}
