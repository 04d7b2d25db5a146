import type { Http } from "./api/http.ts";
import type { UserApi } from "./api/user-api.ts";
import { type ClientContext, getOwnAccount } from "./client-context.ts";
import type { ClientStatus } from "./client-events.ts";
import { Connection } from "./connection/connection.ts";
import { type Conversations, createConversations } from "./conversations.ts";
import { tendKeys } from "./devices/key-upkeep.ts";
import { People } from "./devices/people.ts";
import { Inbox } from "./inbox/inbox.ts";
import { MessageFeed } from "./inbox/message-feed.ts";
import { learnNames } from "./learn-names.ts";
import { createReadMarks } from "./read-marks.ts";
import { SendQueue } from "./send/send-queue.ts";
import type { SendTransport } from "./send/transport.ts";
import type { SessionKeeper } from "./session/session-keeper.ts";
import { ensureDevice } from "./session/sign-in.ts";
import { hasCode, SottoError } from "./sotto-error.ts";

type Deps = ClientContext & {
  readonly http: Http;
  readonly user: UserApi;
  readonly session: SessionKeeper;
  readonly url: string;
};

/** Keys are looked after on the first connection, and on a later one when the last time is this long ago. */
const UPKEEP_MS = 10 * 60 * 1000;
/** A mailbox read by REST holds at most so many pages at once; the next failed connection goes on. */
const PAGES_PER_POLL = 20;

/** The parts of an open client, wired together. */
export class Runtime {
  readonly #deps: Deps;
  readonly #people: People;
  readonly #queue: SendQueue;
  readonly #inbox: Inbox;
  readonly #background = new Set<Promise<void>>();
  #tendedAt = 0;
  #upkeep: Promise<void> | undefined;
  #isPolling = false;
  #closing: Promise<void> | undefined;
  /** Why the server ended the last session. */
  #sessionEnd: SottoError | undefined;
  readonly feed: MessageFeed;
  readonly connection: Connection;
  readonly conversations: Conversations;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.feed = new MessageFeed(deps.store);
    this.#people = new People(deps);
    this.#queue = new SendQueue({ ...deps, people: this.#people, transport: this.#transport });
    this.#inbox = new Inbox({
      ...deps,
      people: this.#people,
      feed: this.feed,
      learnNames: (names) => learnNames(deps, names),
      queue: this.#queue,
    });
    this.connection = this.#createConnection();
    this.conversations = createConversations({
      ...deps,
      people: this.#people,
      queue: this.#queue,
      setReadMark: createReadMarks(deps),
      setTyping: (conversationId, active) => this.#setTyping(conversationId, active),
      releaseHeld: (accountId) => this.#inbox.releaseHeld(accountId),
    });
    deps.session.onEnded = (error) => this.#ended(error);
    deps.events.on("status", ({ status }) => this.#follow(status));
  }

  /** Reads the store, and goes on when it is signed in. */
  async load(): Promise<void> {
    await this.#deps.session.load();
    await this.feed.load();
    await this.#queue.load();
    if (this.#deps.session.current !== undefined) this.signedIn();
    else this.#follow("signed-out");
  }

  signedIn(): void {
    this.#sessionEnd = undefined;
    this.connection.happen("signed-in");
    this.#queue.wake();
  }

  async signOut(): Promise<void> {
    const { session, user } = this.#deps;
    const isSignedIn = session.current !== undefined;
    const token = isSignedIn ? await session.token().catch(() => undefined) : undefined;
    await this.leave();
    if (token !== undefined) await user.signOut(token);
  }

  /** Ends the session here: the user wanted it so, and the server knows or will be told. */
  async leave(): Promise<void> {
    const { session } = this.#deps;
    const { current } = session;
    this.connection.happen("signed-out");
    if (current !== undefined) await session.forget(current.sessionId);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { http, store } = this.#deps;
    this.connection.happen("close");
    http.close();
    await this.#queue.close();
    await this.#inbox.close();
    this.feed.close();
    await Promise.all(this.#background);
    await store.close();
  }

  readonly #transport: SendTransport = async (request) => {
    const { socket } = this.connection;
    if (socket !== undefined) return socket.call("message:send", request);
    const { deviceId } = await getOwnAccount(this.#deps.store);
    return this.#deps.chat.sendMessage(deviceId, request);
  };

  #createConnection(): Connection {
    const { events, store, session, chat, transact } = this.#deps;
    const ready = async () => {
      await ensureDevice({ store, session, chat, transact });
      return (await getOwnAccount(store)).deviceId;
    };
    return new Connection(
      { ...this.#deps, deviceId: ready },
      {
        opened: () => {
          this.#inbox.beginCatchUp();
          this.#queue.wake();
          if (this.#deps.clock.now() - this.#tendedAt > UPKEEP_MS) this.#tend();
        },
        unreachable: () => this.#inBackground(() => this.#poll()),
        expelled: (error, sessionId) => this.#inBackground(() => this.#expel(error, sessionId)),
        renew: (refusal) => this.#renew(refusal),
        "inbox:envelopes": ({ envelopes }) => {
          const isCurrent = this.connection.currentSocket();
          const acknowledge = async (envelopeIds: readonly number[]) => {
            if (isCurrent())
              await this.connection.socket?.call("inbox:ack", { envelopeIds: [...envelopeIds] });
          };
          this.#inBackground(() => this.#inbox.take(envelopes, acknowledge, isCurrent));
        },
        "inbox:drained": () => this.#inBackground(() => this.#inbox.endCatchUp()),
        "inbox:gap": ({ gap }) => {
          events.emit("gap", { gap });
          const isCurrent = this.connection.currentSocket();
          const acknowledge = async () => {
            if (isCurrent()) await this.connection.socket?.call("inbox:gap-ack", { gap });
          };
          this.#inBackground(() => this.#inbox.passGap(acknowledge, isCurrent));
        },
        "keys:low": (stock) => {
          events.emit("keys-low", stock);
          this.#tend();
        },
        "typing:changed": (change) => events.emit("typing", change),
        "people:changed": () => events.emit("people-changed", {}),
        "notifications:changed": ({ unread }) => events.emit("notifications-changed", { unread }),
      },
    );
  }

  /** Failures of what nobody waits for are told, but for those of an orderly end. */
  #inBackground(work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => {
        if (!hasCode(error, "closed", "not_signed_in")) this.#deps.events.emit("trouble", { error });
      })
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  #tend(): void {
    this.#upkeep ??= (async () => {
      await tendKeys(this.#deps);
      this.#tendedAt = this.#deps.clock.now();
    })().finally(() => {
      this.#upkeep = undefined;
    });
    const upkeep = this.#upkeep;
    this.#inBackground(() => upkeep);
  }

  async #renew(refusal: SottoError): Promise<void> {
    if (hasCode(refusal, "device_unproven")) await ensureDevice(this.#deps, { isForced: true });
    else await this.#deps.session.renew();
  }

  /** Reads the mailbox without a socket. No network at all is no news. */
  async #poll(): Promise<void> {
    if (this.#isPolling || this.#deps.session.current === undefined) return;
    this.#isPolling = true;
    try {
      for (let page = 0; page < PAGES_PER_POLL && (await this.#readPage()); page++);
    } catch (error) {
      if (!hasCode(error, "network")) throw error;
    } finally {
      this.#isPolling = false;
    }
  }

  /** Whether there may be more. */
  async #readPage(): Promise<boolean> {
    const { chat, store, events } = this.#deps;
    const { deviceId } = await getOwnAccount(store);
    const { envelopes, gap } = await chat.inbox(deviceId);
    if (gap !== null) {
      events.emit("gap", { gap });
      await chat.acknowledgeGap(deviceId, gap);
    }
    // A socket that came up meanwhile delivers the same envelopes, and is acknowledged there.
    let isPageWanted = true;
    let isAcknowledged = true;
    const acknowledge = async (envelopeIds: readonly number[]) => {
      isAcknowledged = false;
      await chat.acknowledge(deviceId, envelopeIds);
      isAcknowledged = true;
    };
    const isWanted = () => isPageWanted && this.connection.socket === undefined;
    if (envelopes.length > 0) await this.#inbox.take(envelopes, acknowledge, isWanted);
    const hasMore = (envelopes.length > 0 || gap !== null) && isAcknowledged && isWanted();
    // What could not be acknowledged comes with the next poll again.
    isPageWanted = false;
    return hasMore;
  }

  #setTyping(conversationId: string, active: boolean): void {
    const { socket } = this.connection;
    if (socket === undefined) return;
    this.#inBackground(async () => void (await socket.call("typing:set", { conversationId, active })));
  }

  /** Who waits for something that cannot come before the user signs in must not wait for ever. */
  #follow(status: ClientStatus): void {
    if (status === "closed") return;
    const halt = this.#haltIn(status);
    for (const part of [this.feed, this.#queue]) {
      if (halt === undefined) part.resume();
      else part.halt(halt);
    }
  }

  #haltIn(status: ClientStatus): SottoError | undefined {
    if (status === "superseded") {
      return new SottoError("superseded", "This device is connected elsewhere; sign in to take over");
    }
    if (status !== "signed-out") return undefined;
    return new SottoError("signed_out", "There is no session; sign in", { cause: this.#sessionEnd });
  }

  #ended(error: SottoError): void {
    this.#sessionEnd = error;
    this.connection.happen("signed-out");
    this.#deps.events.emit("signed-out", { error });
  }

  /** A late word about an earlier session, which the user has replaced by signing in, is only a lost connection. */
  async #expel(error: SottoError, sessionId: string | undefined): Promise<void> {
    const { session } = this.#deps;
    if (sessionId === undefined || session.current?.sessionId !== sessionId) {
      this.connection.happen("socket-lost");
      return;
    }
    const forgotten = session.forget(sessionId);
    this.#ended(error);
    await forgotten;
  }
}
