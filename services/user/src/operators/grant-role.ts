import type { OperatorRole } from "@sotto/contracts/operator-api";
import { AppError } from "@sotto/platform/app-error";
import { recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { findActorByName, hasOtherAdministrator, lockRoles, updateRole } from "./operator-queries.ts";

/**
 * Gives a role to an account by hand of whoever has the database: the first administrator comes into being so.
 * Answers the role that the account had before.
 * @throws AppError `not_found`, `forbidden` when no active administrator would be left.
 */
export async function grantRole(
  context: Pick<UserContext, "db" | "clock" | "ids">,
  { username, role }: { username: string; role: OperatorRole },
): Promise<OperatorRole | null> {
  return context.db.transaction().execute(async (tx) => {
    await lockRoles(tx);
    const target = await findActorByName(tx, username);
    if (!target) throw new AppError("not_found", `There is no account named ${username}.`);
    const loses = target.role === "administrator" && role !== "administrator";
    if (loses && !(await hasOtherAdministrator(tx, target.accountId))) {
      throw new AppError("forbidden", "The last administrator keeps the role. Make another one first.");
    }
    if (target.role === role) return role;
    await updateRole(tx, target.accountId, role);
    await recordAudit(tx, context, {
      ...{ accountId: target.accountId, type: "operator-role-changed" },
      origin: { address: undefined },
      details: { by: "database", from: target.role, to: role },
    });
    return target.role;
  });
}
