import { AppError } from "@sotto/platform/app-error";
import type { UserContext } from "../context.ts";
import { findActor } from "./operator-queries.ts";
import { mayDo, type OperatorAction } from "./operator-rules.ts";

/**
 * Checks by the database, at each request, that the account may do `action`.
 * @throws AppError `not_found`, as of an address at which there is nothing, when it is no operator; `forbidden` when its
 * role is not enough.
 */
export async function checkOperator(
  { db }: Pick<UserContext, "db">,
  accountId: string,
  action: OperatorAction,
): Promise<void> {
  const operator = await findActor(db, accountId);
  if (!operator?.role) throw new AppError("not_found", "There is nothing at this address.");
  if (!mayDo(operator.role, action)) throw new AppError("forbidden", "Your role does not allow this.");
}
