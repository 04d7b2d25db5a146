// What people read of an answer; `--json` shows the answer itself.
import type { AuditEntry } from "@sotto/contracts/audit-api";
import type { OperatedAccount } from "@sotto/contracts/operator-api";
import { formatFields, formatTable } from "./tables.ts";

const NOTHING = "-";

export function describeAccounts(accounts: readonly OperatedAccount[]): string {
  const rows = accounts.map((account) => [
    account.username,
    account.state,
    account.role ?? NOTHING,
    secondFactorOf(account),
    String(account.sessions),
    toMinute(account.lastSeenAt),
    account.email,
  ]);
  return formatTable(["username", "state", "role", "2nd factor", "sessions", "last seen", "e-mail"], rows);
}

export function describeAccount(account: OperatedAccount): string {
  return formatFields([
    ["account", account.accountId],
    ["username", account.username],
    ["display name", account.displayName ?? NOTHING],
    ["e-mail", `${account.email} (${account.emailVerified ? "verified" : "not verified"})`],
    ["registered", toMinute(account.createdAt)],
    ["state", `${account.state} since ${toMinute(account.stateSince)}`],
    ...(account.suspendedReason === null ? [] : [["reason", account.suspendedReason] as const]),
    ...(account.deletesAt === null ? [] : [["is deleted at", toMinute(account.deletesAt)] as const]),
    ["role", account.role ?? NOTHING],
    ["second factor", secondFactorOf(account)],
    ["sessions", String(account.sessions)],
    ["last seen", toMinute(account.lastSeenAt)],
  ]);
}

export function describeAudit(entries: readonly AuditEntry[]): string {
  const rows = entries.map((entry) => [
    toSecond(entry.at),
    entry.type,
    entry.address ?? NOTHING,
    entry.client ?? NOTHING,
    entry.actorAccountId ?? "owner",
    Object.entries(entry.details)
      .map(([name, value]) => `${name}=${value}`)
      .join(" "),
  ]);
  return formatTable(["at (UTC)", "what", "from", "client", "by", "details"], rows);
}

function secondFactorOf({ hasTotp, passkeys }: OperatedAccount): string {
  const kinds = [...(hasTotp ? ["app"] : []), ...(passkeys > 0 ? [`${passkeys} passkeys`] : [])];
  return kinds.join(", ") || NOTHING;
}

function toMinute(time: string | null): string {
  return time === null ? NOTHING : time.slice(0, 16).replace("T", " ");
}

function toSecond(time: string): string {
  return time.slice(0, 19).replace("T", " ");
}
