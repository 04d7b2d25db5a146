import type { SecurityNotice } from "@sotto/contracts/events";
import type { NewEvent } from "@sotto/platform/outbox";

export type Owner = { readonly accountId: string; readonly username: string; readonly email: string };

/** What the owner of an account must hear of, as an event. `client`: what the one who did it calls itself. */
export function ownerNotice(
  { accountId, username, email }: Owner,
  notice: SecurityNotice,
  client?: string | undefined,
): NewEvent {
  return {
    type: "user.security-notice",
    key: accountId,
    data: { accountId, username, email, notice, client: client ?? null },
  };
}
