import { limits } from "@sotto/contracts/limits";
import {
  type Block,
  block,
  blockPage,
  type Contact,
  type ContactState,
  contact,
  contactPage,
  type PrivacySettings,
  privacySettings,
} from "@sotto/contracts/people-api";
import { findAccountById } from "../api/user-api.ts";
import type { ClientContext } from "../client-context.ts";
import { readPages, withQuery } from "../pages.ts";
import { findPerson, getPerson, putPerson } from "../rows/person-rows.ts";
import { hasCode } from "../sotto-error.ts";
import { findAccountId } from "./find-account-id.ts";

/** With the name of the account, confirmed by the server; absent when it is not active, or too many are new at once. */
export type Named<T> = T & { readonly username?: string | undefined };

/** `person` is a username or an account id throughout. */
export type Contacts = {
  /** Contacts and requests in the order of their account ids; read from the server page by page. */
  list(filter?: { readonly state?: ContactState }): AsyncIterable<Named<Contact>>;
  /**
   * Asks somebody to become a contact, or accepts when they have asked: `state` says which. Throws `unknown_user`,
   * `not_found`, `account_blocked` when they are among the own blocks, `limit_reached`.
   */
  add(person: string): Promise<Contact>;
  /** Ends a contact, withdraws a request, or declines one. The other side is not told. */
  remove(person: string): Promise<void>;
};

export type Blocks = {
  /** In the order of the account ids; read from the server page by page. */
  list(): AsyncIterable<Named<Block>>;
  /** The other side does not notice. Throws `unknown_user`, `limit_reached`. */
  add(person: string): Promise<Block>;
  remove(person: string): Promise<void>;
};

export type Privacy = {
  get(): Promise<PrivacySettings>;
  /** Changes what is given and answers with all of it. */
  update(change: Partial<PrivacySettings>): Promise<PrivacySettings>;
};

type Deps = Pick<ClientContext, "store" | "transact" | "request">;
const limit = String(limits.pageMax);

/** `client.contacts`. */
export function createContacts(deps: Deps): Contacts {
  const path = "/api/chat/contacts";
  const { request } = deps;
  return {
    list: ({ state } = {}) =>
      readPages(async (after) => {
        const page = withQuery(path, { state, after, limit });
        const { contacts, next } = await request({ method: "GET", path: page, answer: contactPage });
        return { items: await addNames(deps, contacts), next };
      }),
    add: async (person) =>
      request({ method: "PUT", path: await pathOf(deps, path, person), answer: contact }),
    remove: async (person) => request({ method: "DELETE", path: await pathOf(deps, path, person) }),
  };
}

/** `client.blocks`. */
export function createBlocks(deps: Deps): Blocks {
  const path = "/api/chat/blocks";
  const { request } = deps;
  return {
    list: () =>
      readPages(async (after) => {
        const page = withQuery(path, { after, limit });
        const { blocks, next } = await request({ method: "GET", path: page, answer: blockPage });
        return { items: await addNames(deps, blocks), next };
      }),
    add: async (person) => request({ method: "PUT", path: await pathOf(deps, path, person), answer: block }),
    remove: async (person) => request({ method: "DELETE", path: await pathOf(deps, path, person) }),
  };
}

/** `client.privacy`. */
export function createPrivacy({ request }: Pick<Deps, "request">): Privacy {
  const path = "/api/chat/settings/privacy";
  return {
    get: () => request({ method: "GET", path, answer: privacySettings }),
    update: (body) => request({ method: "PATCH", path, body, answer: privacySettings }),
  };
}

async function pathOf(deps: Deps, path: string, person: string): Promise<string> {
  return `${path}/${await findAccountId(deps, person)}`;
}

/** Names that this device does not know, such as of strangers who ask, are asked for one after the other. */
async function addNames<T extends { readonly accountId: string }>(
  deps: Deps,
  items: readonly T[],
): Promise<Named<T>[]> {
  const named: Named<T>[] = [];
  let mayAsk = true;
  for (const item of items) {
    let username = (await findPerson(deps.store, item.accountId))?.username;
    if (username === undefined && mayAsk) {
      const learned = await learnName(deps, item.accountId);
      // Too many strangers at once: they are listed all the same, and named the next time.
      if (learned === RATE_LIMITED) mayAsk = false;
      else username = learned;
    }
    named.push({ ...item, username });
  }
  return named;
}

const RATE_LIMITED = Symbol("rate limited");

async function learnName(
  { transact, request }: Deps,
  accountId: string,
): Promise<string | undefined | typeof RATE_LIMITED> {
  try {
    const found = await findAccountById(request, accountId);
    if (!found) return undefined;
    const { username } = found;
    await transact(async (tx) => putPerson(tx, { ...(await getPerson(tx, accountId)), username }));
    return username;
  } catch (error) {
    if (hasCode(error, "rate_limited")) return RATE_LIMITED;
    throw error;
  }
}
