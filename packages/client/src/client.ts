import { createTransactor } from "@sotto/e2ee/store";
import { v7 } from "uuid";
import { type ClientAccount, createClientAccount } from "./account/account.ts";
import { createFreshCalls } from "./account/fresh-calls.ts";
import { type ReauthenticationProof, reauthenticate } from "./account/reauthenticate.ts";
import { createChatApi } from "./api/chat-api.ts";
import { createHttp } from "./api/http.ts";
import { createUserApi, type NewAccount } from "./api/user-api.ts";
import type { ClientEvents, ClientStatus } from "./client-events.ts";
import { type Clock, systemClock } from "./clock.ts";
import {
  type Blocks,
  type Contacts,
  createBlocks,
  createContacts,
  createPrivacy,
  type Privacy,
} from "./contacts/contacts.ts";
import type { Conversations } from "./conversations.ts";
import { createEventEmitter, type EventEmitter } from "./event-emitter.ts";
import type { Message } from "./inbox/message-feed.ts";
import { createNotifications, type Notifications } from "./notifications/notifications.ts";
import { createPreferences, type Preferences } from "./notifications/preferences.ts";
import { createPush, type Push } from "./push/push.ts";
import { findOwnAccount } from "./rows/account-rows.ts";
import { Runtime } from "./runtime.ts";
import type { GetPasskey } from "./session/prove-second-factor.ts";
import { SessionKeeper } from "./session/session-keeper.ts";
import { register, type SignInCredentials, signIn, signInWithPasskey } from "./session/sign-in.ts";
import type { StoreOpener } from "./stores/store-opener.ts";

export type ClientOptions = {
  /** Origin of the installation, such as `https://chat.example.org`. */
  readonly url: string;
  /** `sqliteStore(path)` or `memoryStore()`; it belongs to this client until `close()`. */
  readonly store: StoreOpener;
  /** What the list of sessions shows for this client; says nothing of places. */
  readonly clientName?: string;
  /**
   * Called when something needs a session that has just proved whose it is; throw to give up. Asked once for all calls
   * that wait for it, which are then repeated. It must not wait for such a call itself.
   */
  readonly onReauthenticationRequired?: () => Promise<ReauthenticationProof>;
  /** For tests. */
  readonly clock?: Clock;
};

/** One device of one account. */
export type Client = {
  /** Makes an account and the keys of its first device. */
  register(account: NewAccount): Promise<void>;
  /**
   * Throws `device_not_linked` when the keys of the account are on another device, `store_other_account`,
   * `second_factor_required` for an account with a second factor without `secondFactor`.
   */
  signIn(credentials: SignInCredentials): Promise<void>;
  /** Name, password and second factor at once. Throws as `signIn` does, and `cancelled`. */
  signInWithPasskey(getPasskey: GetPasskey): Promise<void>;
  /** Ends the session; keys, history and queue stay. Also ends it here when the server cannot be told, and throws then. */
  signOut(): Promise<void>;
  readonly conversations: Conversations;
  readonly contacts: Contacts;
  readonly blocks: Blocks;
  readonly privacy: Privacy;
  /** Web Push and UnifiedPush, for this device. */
  readonly push: Push;
  readonly notifications: Notifications & Preferences;
  /** `account()` says who this is; the rest is what one can do with an account. */
  readonly account: ClientAccount;
  /**
   * Messages from other devices, each after it is durable here. Every call is a reader of its own that sees every
   * message; from the opening of this client on, or after `since`, a `position` (0: all there are). Ends at `close()`.
   * While nothing more can come, it throws after what the store holds: `signed_out` without a session, `superseded`
   * when the same device is connected elsewhere. After `signIn()`, begin anew with `since`.
   */
  messages(start?: { readonly since?: number }): AsyncIterable<Message>;
  readonly on: EventEmitter<ClientEvents>["on"];
  readonly status: ClientStatus;
  close(): Promise<void>;
};

/** Neither a place nor a system: what runs where is nobody's business. */
const DEFAULT_NAME = "location" in globalThis ? "Sotto SDK (browser)" : "Sotto SDK (node)";

/**
 * Opens a client over a store. A store that was used before goes on where it was: signed in, with its keys, its
 * queue and its conversations. Throws `store_in_use`, `store_key_missing`, `store_key_wrong`, `store_unavailable`.
 */
export async function createClient(options: ClientOptions): Promise<Client> {
  const { url, store: opener, clock = systemClock, clientName = DEFAULT_NAME } = options;
  const store = await opener.open();
  const { transact } = createTransactor(store);
  const http = createHttp(url);
  const user = createUserApi(http, clientName);
  const session = new SessionKeeper({ clock, store, transact, http, user });
  const events = createEventEmitter<ClientEvents>();
  const chat = createChatApi(session.request);
  const { request } = session;
  const own = { clock, store, transact, http, user, chat, session, request, events };
  const context = { ...own, url, uuid: () => v7() };
  const runtime = new Runtime(context);
  try {
    await runtime.load();
  } catch (error) {
    await runtime.close();
    throw error;
  }
  const enter = async (begin: Promise<void>) => {
    await begin;
    runtime.signedIn();
  };
  return {
    register: (account) => enter(register(context, account)),
    signIn: (credentials) => enter(signIn(context, credentials)),
    signInWithPasskey: (getPasskey) => enter(signInWithPasskey(context, getPasskey)),
    signOut: () => runtime.signOut(),
    conversations: runtime.conversations,
    contacts: createContacts(context),
    blocks: createBlocks(context),
    privacy: createPrivacy(context),
    push: createPush(context),
    notifications: { ...createNotifications(context), ...createPreferences(context) },
    account: createOwnAccount(context, runtime, options),
    messages: ({ since } = {}) => runtime.feed.read(since),
    on: events.on,
    get status() {
      return runtime.connection.status;
    },
    close: () => runtime.close(),
  };
}

type Parts = ConstructorParameters<typeof Runtime>[0];

function createOwnAccount(
  parts: Parts,
  runtime: Runtime,
  { onReauthenticationRequired: ask }: Pick<ClientOptions, "onReauthenticationRequired">,
): ClientAccount {
  const { session, store } = parts;
  const prove = (proof: ReauthenticationProof) => reauthenticate(parts, proof);
  return createClientAccount({
    ...parts,
    download: session.download,
    conversations: runtime.conversations,
    prove,
    fresh: createFreshCalls({ session, prove, ask }),
    leave: () => runtime.leave(),
    currentSessionId: () => session.current?.sessionId,
    async identify() {
      const own = await findOwnAccount(store);
      return own && { accountId: own.accountId, username: own.username, deviceId: own.deviceId };
    },
  });
}
