import type { Contact } from "@sotto/contracts/people-api";
import type { ChatContext } from "../context.ts";
import { type ContactPage, listContacts as findPage } from "./contact-queries.ts";
import { toContact } from "./contact-state.ts";

/** One page of the caller's contacts and requests, in the order of their ids. */
export async function listContacts(
  context: Pick<ChatContext, "db">,
  caller: { accountId: string },
  page: ContactPage,
): Promise<{ contacts: Contact[]; next: string | null }> {
  // One more than asked for tells whether there is another page.
  const found = await findPage(context.db, caller.accountId, { ...page, limit: page.limit + 1 });
  const contacts = found.slice(0, page.limit).map(toContact);
  const next = found.length > page.limit ? (contacts.at(-1)?.accountId ?? null) : null;
  return { contacts, next };
}
