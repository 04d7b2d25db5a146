import type { AuditEntry, AuditType } from "@sotto/contracts/audit-api";
import { OpenWork } from "@sotto/platform/open-work";
import type { UserContext } from "../context.ts";
import { addToAuditCount, lockAuditedAccount } from "./audit-queries.ts";
import { type Origin, recordAudit } from "./record-audit.ts";

export type Failure = {
  readonly accountId: string;
  readonly type: Extract<AuditType, "sign-in-failed" | "second-factor-failed" | "reauthentication-failed">;
  readonly origin: Origin;
  readonly details?: AuditEntry["details"];
};

export type FailureLog = {
  /** Returns at once: what is written, and how long it takes, tells the caller nothing of the account. */
  note(failure: Failure): void;
  /** Resolves when everything noted has been written, or could not be. */
  idle(): Promise<void>;
};

/** Accounts whose failures wait to be written; a flood over more of them than this is known by those that are. */
const MAX_WAITING = 500;
/** Repeats within so long are counted in the entry of the first. */
const SAME_ENTRY_MS = 60_000;

type Waiting = Failure & { count: number };

/**
 * Writes failures of existing accounts into the audit log: one entry for each account, type and minute, with their
 * number in `details.count`, so that a flood cannot fill the table. Address and client are those of the first.
 */
export function createFailureLog(deps: Pick<UserContext, "db" | "clock" | "ids" | "log">): FailureLog {
  const waiting = new Map<string, Waiting>();
  const work = new OpenWork();

  async function write({ count, ...failure }: Waiting): Promise<void> {
    const { accountId, type, details } = failure;
    await deps.db.transaction().execute(async (tx) => {
      // Of two nodes one writes the entry, and the other finds it.
      if (!(await lockAuditedAccount(tx, accountId))) return;
      const since = new Date(deps.clock.now().getTime() - SAME_ENTRY_MS);
      if (await addToAuditCount(tx, { accountId, type, since, count })) return;
      await recordAudit(tx, deps, { ...failure, details: { ...details, count } });
    });
  }

  async function drain(): Promise<void> {
    for (const [key, failure] of waiting) {
      waiting.delete(key);
      try {
        await write(failure);
      } catch (error) {
        deps.log.warn({ err: error, accountId: failure.accountId }, "failures could not be audited");
      }
    }
    work.end();
  }

  return {
    note(failure) {
      const key = `${failure.type} ${failure.accountId}`;
      const same = waiting.get(key);
      if (same) same.count += 1;
      else if (waiting.size < MAX_WAITING) waiting.set(key, { ...failure, count: 1 });
      // One after the other, so that failures never take more than one connection.
      if (work.open > 0) return;
      work.begin();
      void drain();
    },
    idle: () => work.idle(),
  };
}
