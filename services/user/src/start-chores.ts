import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { repeat } from "@sotto/platform/repeat";
import { sql, type Transaction } from "kysely";
import { deleteDueAccounts } from "./accounts/delete-due-accounts.ts";
import type { UserContext } from "./context.ts";
import { forgetExpired } from "./upkeep/forget-expired.ts";
import { createSessionSweep } from "./upkeep/sweep-sessions.ts";

/** What a user service does by itself, again and again, beside what it is asked for. */
export type Chore = {
  /** As in "the … failed; trying again"; also the name of its lock. */
  readonly name: string;
  readonly intervalMs: number;
  /** One bounded batch in a transaction of its own; true when there is more to do at once. */
  batch(tx: Transaction<AccountDatabase>, context: UserContext): Promise<boolean>;
};

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

function createChores(): readonly Chore[] {
  return [
    {
      name: "deletion of accounts whose grace has ended",
      intervalMs: 10 * SECOND_MS,
      batch: deleteDueAccounts,
    },
    { name: "forgetting of what has expired", intervalMs: 10 * MINUTE_MS, batch: forgetExpired },
    { name: "sweep of ended sessions", intervalMs: 60 * MINUTE_MS, batch: createSessionSweep() },
  ];
}

/** Each service reads the signing keys again, so that a rotation by another reaches it. */
const KEYS_INTERVAL_MS = 30_000;

/** Starts the chores. Of several user services one at a time does a chore. */
export function startChores(context: UserContext): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const readKeys = () => context.signingKeys.reload();
  readKeys().catch((error: unknown) =>
    context.log.warn({ err: error }, "the signing keys cannot be read yet; trying again"),
  );
  const repeating = [
    repeat(context, "reading of the signing keys", KEYS_INTERVAL_MS, readKeys),
    ...createChores().map((chore) =>
      repeat(context, chore.name, chore.intervalMs, () => doChore(context, chore, stopping.signal)),
    ),
  ];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(repeating.map((each) => each.stop()));
    },
  };
}

/** Does what there is to do of one chore, batch by batch, and nothing while another service is at it. */
export async function doChore(
  context: UserContext,
  chore: Pick<Chore, "name" | "batch">,
  stopping?: AbortSignal,
): Promise<void> {
  let isMore = true;
  while (isMore && !stopping?.aborted) {
    isMore = await context.db
      .transaction()
      .execute(async (tx) => (await tryLockChore(tx, chore.name)) && (await chore.batch(tx, context)));
  }
}

/** First key of the two-key advisory locks of chores; used for nothing else in this database. */
const CHORE_LOCK_CLASS = 5079;

async function tryLockChore(tx: Transaction<AccountDatabase>, name: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(${CHORE_LOCK_CLASS}::int, hashtext(${name})) as held`.execute(tx);
  return rows[0]?.held === true;
}
