import type { SecurityNotice } from "@sotto/contracts/events";
import type { Account } from "@sotto/contracts/user-api";
import type { NewEvent } from "@sotto/platform/outbox";

export type Owner = Pick<Account, "accountId" | "username" | "email" | "language">;

/** What the owner of an account must hear of, as an event. `client`: what the one who did it calls itself. */
export function ownerNotice(
  { accountId, username, email, language }: Owner,
  notice: SecurityNotice,
  client?: string | undefined,
): NewEvent {
  return {
    type: "user.security-notice",
    key: accountId,
    data: { accountId, username, email, language, notice, client: client ?? null },
  };
}
