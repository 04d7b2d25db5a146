import type { OperatorRole } from "@sotto/contracts/operator-api";

export type OperatorAction =
  | "read"
  | "suspend"
  | "restore"
  | "revoke-sessions"
  | "reset-second-factor"
  | "change-role"
  | "rotate-keys";

const RANK: Readonly<Record<OperatorRole, number>> = { auditor: 1, moderator: 2, administrator: 3 };

/** The least role that may do each thing. */
const LEAST: Readonly<Record<OperatorAction, OperatorRole>> = {
  read: "auditor",
  suspend: "moderator",
  restore: "moderator",
  "revoke-sessions": "moderator",
  "reset-second-factor": "administrator",
  "change-role": "administrator",
  "rotate-keys": "administrator",
};

export function mayDo(role: OperatorRole, action: OperatorAction): boolean {
  return RANK[role] >= RANK[LEAST[action]];
}

/** Whether an operator may act on an account: never on the own one, nor on an equal or higher role, unless administrator. */
export function mayActOn(
  operator: { accountId: string; role: OperatorRole },
  target: { accountId: string; role: OperatorRole | null },
): boolean {
  if (operator.accountId === target.accountId) return false;
  if (operator.role === "administrator" || target.role === null) return true;
  return RANK[operator.role] > RANK[target.role];
}
