import { createTransactor } from "@sotto/e2ee/store";
import { v7 } from "uuid";
import { createChatApi } from "./api/chat-api.ts";
import { createHttp } from "./api/http.ts";
import { type Credentials, createUserApi, type NewAccount } from "./api/user-api.ts";
import type { ClientEvents, ClientStatus } from "./client-events.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Conversations } from "./conversations.ts";
import { createEventEmitter, type EventEmitter } from "./event-emitter.ts";
import type { Message } from "./inbox/message-feed.ts";
import { findOwnAccount } from "./rows/account-rows.ts";
import { Runtime } from "./runtime.ts";
import { SessionKeeper } from "./session/session-keeper.ts";
import { register, signIn } from "./session/sign-in.ts";
import type { StoreOpener } from "./stores/store-opener.ts";

export type ClientOptions = {
  /** Origin of the installation, such as `https://chat.example.org`. */
  readonly url: string;
  /** `sqliteStore(path)` or `memoryStore()`; it belongs to this client until `close()`. */
  readonly store: StoreOpener;
  /** For tests. */
  readonly clock?: Clock;
};

/** One device of one account. */
export type Client = {
  /** Makes an account and the keys of its first device. */
  register(account: NewAccount): Promise<void>;
  /** Throws `device_not_linked` when the keys of the account are on another device, `store_other_account`. */
  signIn(credentials: Credentials): Promise<void>;
  /** Ends the session; keys, history and queue stay. Also ends it here when the server cannot be told, and throws then. */
  signOut(): Promise<void>;
  readonly conversations: Conversations;
  /**
   * Messages from other devices, each after it is durable here. Every call is a reader of its own that sees every
   * message; from the opening of this client on, or after `since`, a `position` (0: all there are). Ends at `close()`.
   * While nothing more can come, it throws after what the store holds: `signed_out` without a session, `superseded`
   * when the same device is connected elsewhere. After `signIn()`, begin anew with `since`.
   */
  messages(start?: { readonly since?: number }): AsyncIterable<Message>;
  readonly on: EventEmitter<ClientEvents>["on"];
  readonly status: ClientStatus;
  /** Undefined before the first registration or sign-in. */
  account(): Promise<{ accountId: string; username: string; deviceId: string } | undefined>;
  close(): Promise<void>;
};

/**
 * Opens a client over a store. A store that was used before goes on where it was: signed in, with its keys, its
 * queue and its conversations. Throws `store_in_use`, `store_key_missing`, `store_key_wrong`, `store_unavailable`.
 */
export async function createClient({
  url,
  store: opener,
  clock = systemClock,
}: ClientOptions): Promise<Client> {
  const store = await opener.open();
  const { transact } = createTransactor(store);
  const http = createHttp(url);
  const user = createUserApi(http);
  const session = new SessionKeeper({ clock, store, transact, http, user });
  const events = createEventEmitter<ClientEvents>();
  const chat = createChatApi(session.request);
  const { request } = session;
  const context = {
    clock,
    store,
    transact,
    http,
    user,
    chat,
    session,
    request,
    events,
    url,
    uuid: () => v7(),
  };
  const runtime = new Runtime(context);
  try {
    await runtime.load();
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return {
    async register(account) {
      await register(context, account);
      runtime.signedIn();
    },
    async signIn(credentials) {
      await signIn(context, credentials);
      runtime.signedIn();
    },
    signOut: () => runtime.signOut(),
    conversations: runtime.conversations,
    messages: ({ since } = {}) => runtime.feed.read(since),
    on: events.on,
    get status() {
      return runtime.connection.status;
    },
    async account() {
      const own = await findOwnAccount(store);
      return own && { accountId: own.accountId, username: own.username, deviceId: own.deviceId };
    },
    close: () => runtime.close(),
  };
}
