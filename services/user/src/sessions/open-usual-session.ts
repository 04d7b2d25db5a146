import type { Owed } from "@sotto/platform/limits";
import { completeEvents } from "@sotto/platform/outbox";
import { ownerNotice } from "../audit/owner-notice.ts";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import type { SignInMethod } from "./open-session.ts";
import { openUnchanged } from "./open-session-queries.ts";
import { endedBefore } from "./session-age.ts";
import type { NewSession } from "./session-queries.ts";
import type { LockedAccount } from "./sign-in-queries.ts";

/**
 * What `openSession` does for an active account, in one statement instead of a transaction of many: most sign-ins are
 * of such. Gives back `owed` along with it. False when the account is not active, or not what it was when `found` was
 * read: then nothing has happened, and `openSession` is to decide.
 */
export async function openUsualSession(
  context: Pick<UserContext, "pool" | "clock" | "ids">,
  { account, passwordHash, state }: LockedAccount,
  {
    row,
    method,
    origin,
    owed,
  }: { row: NewSession; method: SignInMethod; origin: Origin; owed: Owed | undefined },
): Promise<boolean> {
  if (state !== "active") return false;
  const { accountId, username, email } = account;
  const isOpen = await openUnchanged(context.pool, {
    unchanged: { accountId, username, email, passwordHash },
    session: row,
    endedBefore: endedBefore(context.clock.now()),
    auditId: context.ids.uuidv7(),
    address: origin.address,
    details: JSON.stringify({ method }),
    events: JSON.stringify(completeEvents(context, [ownerNotice(account, "new-session", origin.client)])),
    owed,
  });
  if (isOpen) owed?.settled();
  return isOpen;
}
