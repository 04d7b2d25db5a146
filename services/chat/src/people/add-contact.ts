import { limits } from "@sotto/contracts/limits";
import type { Contact } from "@sotto/contracts/people-api";
import { AppError } from "@sotto/platform/app-error";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { appendEvents, type NewEvent } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import { assertLiving } from "../accounts/assert-living.ts";
import type { ChatContext } from "../context.ts";
import { type ContactRow, countOwnContacts, findContact, upsertContact } from "./contact-queries.ts";
import { toContact } from "./contact-state.ts";
import { lockPeople } from "./people-lock.ts";
import { accountBlocked, noSuchAccount } from "./refusals.ts";
import { getStanding, type Standing } from "./standing-queries.ts";

type AddContext = Pick<ChatContext, "db" | "clock" | "ids" | "limits" | "config" | "news">;

/**
 * Asks another account to become a contact, or accepts when it has asked. Two that ask each other at once become
 * contacts; a repeat gives the same answer. Whoever is blocked by the other, or asks one that takes no requests, gets the
 * answer that it would get otherwise.
 * @throws AppError `not_found` for an account without devices or that does not exist, `bad_request` for the caller's own,
 * `account_blocked` when the caller has blocked it, `limit_reached`, `rate_limited`, `session_revoked`.
 */
export async function addContact(
  context: AddContext,
  caller: { accountId: string },
  otherAccountId: string,
): Promise<Contact> {
  const { accountId } = caller;
  if (otherAccountId === accountId)
    throw new AppError("bad_request", "A contact is another account than your own.");
  await context.limits.take("contacts.account", accountId);
  const { contact, told } = await context.db.transaction().execute(async (tx) => {
    await lockPeople(tx, accountId);
    await assertLiving(tx, accountId, otherAccountId);
    const standing = await getStanding(tx, accountId, otherAccountId);
    if (!standing.exists) throw noSuchAccount();
    if (standing.isBlocking) throw accountBlocked();
    const before = await findContact(tx, accountId, otherAccountId);
    if (!before || isWaitingForAnswer(before)) await assertRoom(tx, accountId);
    const hidden = isUnwanted(context, standing);
    const asked = { accountId, otherAccountId, hidden, at: context.clock.now() };
    const after = await upsertContact(tx, asked);
    const isSeen = !standing.isBlocked && !after.hidden && !isSame(before, after);
    if (isSeen) await appendEvents(tx, context, eventsOf(accountId, after));
    return { contact: after, told: isSeen ? [accountId, otherAccountId] : [accountId] };
  });
  context.news.tell(told);
  return toContact(contact);
}

/**
 * What the other one is told of when there is something that it did not see before. Nothing when it has itself accepted
 * between the two looks of this transaction: its own told of that.
 */
function eventsOf(byAccountId: string, { accountId, isAskedByOther, acceptedAt }: ContactRow): NewEvent[] {
  if (isAskedByOther !== (acceptedAt !== null)) return [];
  const type = acceptedAt ? "chat.contact-accepted" : "chat.contact-requested";
  return [{ type, key: accountId, data: { accountId, byAccountId } }];
}

function isWaitingForAnswer({ isAskedByOther, acceptedAt }: ContactRow): boolean {
  return isAskedByOther && !acceptedAt;
}

function isUnwanted({ config }: Pick<ChatContext, "config">, standing: Standing): boolean {
  return standing.isBlocked || (standing.whoMayWriteFirst ?? config.DEFAULT_WHO_MAY_WRITE_FIRST) === "nobody";
}

async function assertRoom(tx: Transaction<ChatDatabase>, accountId: string): Promise<void> {
  const most = limits.contactsPerAccount;
  if ((await countOwnContacts(tx, accountId, most)) < most) return;
  throw new AppError("limit_reached", "The account has as many contacts as it can have.", {
    details: { contacts: most },
  });
}

function isSame(before: ContactRow | undefined, after: ContactRow): boolean {
  return before?.hidden === after.hidden && before.acceptedAt?.getTime() === after.acceptedAt?.getTime();
}
