import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { type Actor, lockActors } from "./operator-queries.ts";
import { mayActOn, mayDo, type OperatorAction } from "./operator-rules.ts";

/** An operator's deed on an account. */
export type OperatorAct = {
  readonly operatorId: string;
  readonly targetId: string;
  readonly reason: string;
  readonly origin: Origin;
};

/**
 * Runs `work` in a transaction in which operator and target are locked: what their roles allowed when it was checked is
 * allowed until it is done. Two operators who act on each other do so one after the other, and the second finds what the
 * first has left of its rights; so the last administrator is never one who was acted upon.
 * @throws AppError `forbidden`, `not_found`.
 */
export async function actOnAccount<T>(
  { db }: Pick<UserContext, "db">,
  action: OperatorAction,
  { operatorId, targetId }: OperatorAct,
  work: (tx: Transaction<AccountDatabase>, target: Actor) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (tx) => {
    const actors = await lockActors(tx, [operatorId, targetId]);
    const operator = actors.get(operatorId);
    const target = actors.get(targetId);
    if (!operator?.role || operator.state !== "active" || !mayDo(operator.role, action)) {
      throw new AppError("forbidden", "Your role does not allow this.");
    }
    if (!target) throw new AppError("not_found", "There is no such account.");
    if (!mayActOn({ accountId: operatorId, role: operator.role }, target)) {
      throw new AppError(
        "forbidden",
        "Nobody acts on the own account, or on one of an equal or higher role.",
      );
    }
    return work(tx, target);
  });
}
