import { findAccountByName } from "./api/user-api.ts";
import { fromBase64, toUtf8 } from "./bytes.ts";
import { type ClientContext, getOwnAccount } from "./client-context.ts";
import { isoTime } from "./clock.ts";
import type { People } from "./devices/people.ts";
import { MAX_TEXT_JSON_BYTES } from "./message-content.ts";
import type { SetReadMark } from "./read-marks.ts";
import {
  findConversation,
  findDirect,
  type KnownConversation,
  listConversations,
  putDirect,
} from "./rows/conversation-rows.ts";
import { listTimeline, type MessageState } from "./rows/message-rows.ts";
import { findPerson, findPersonByUsername, getPerson, putPerson } from "./rows/person-rows.ts";
import type { SendQueue, SentMessage } from "./send/send-queue.ts";
import { SottoError } from "./sotto-error.ts";

type Deps = ClientContext & {
  readonly people: People;
  readonly queue: SendQueue;
  readonly setTyping: (conversationId: string, active: boolean) => void;
  readonly setReadMark: SetReadMark;
  readonly releaseHeld: (accountId: string) => Promise<void>;
};

export type Member = { readonly accountId: string; readonly username?: string | undefined };

/** A message as this device's history has it. `problem` is the code of what went wrong with it. */
export type HistoryEntry = {
  /** Place in the history; `history({ after: place })` goes on after it. */
  readonly place: number;
  readonly messageId: string;
  readonly state: MessageState;
  readonly sender: Member & { readonly deviceId: string };
  readonly text?: string | undefined;
  readonly sentAt?: string | undefined;
  readonly acceptedAt?: string | undefined;
  readonly problem?: string | undefined;
};

/** What the server knows of how the account follows a conversation. Times are ISO 8601. */
export type Attention = {
  /** When the newest message was accepted that was marked as read; null when none was. */
  readonly readAt: string | null;
  /** Null when it is not muted; `until` is null for one that is until it is unmuted. */
  readonly muted: { readonly until: string | null } | null;
};

export type Conversation = {
  readonly conversationId: string;
  readonly kind: "direct";
  readonly members: readonly Member[];
  /** Durable when it resolves; throws `identity_changed`, `payload_too_large`, `closed`. */
  send(message: { readonly text: string }): Promise<SentMessage>;
  /** Tells who is connected now; without a connection nothing happens. */
  typing(active: boolean): void;
  /**
   * Tells the server, and nobody else, that everything up to this message has been read: no push or mail is sent of it to
   * the other devices of the account. Optional; marks that come within a second are sent as one, the last.
   */
  markRead(messageId: string): Promise<void>;
  /** Has the messages of this conversation be no reason for a push or a mail, for ever unless `until` is given. */
  mute(until?: Date): Promise<void>;
  unmute(): Promise<void>;
  /** Asks the server; other devices of the account may have changed it. */
  attention(): Promise<Attention>;
  /** Oldest first, from this device's store. */
  history(page?: { readonly after?: number; readonly limit?: number }): Promise<HistoryEntry[]>;
  /** 60 digits to compare by another channel; the same at both sides when nobody sits in between. */
  safetyNumber(): Promise<string>;
  /** Believes the new account key that `identity-changed` was about, and opens what was held back. */
  acceptIdentity(): Promise<void>;
};

export type Conversations = {
  /** The conversation with one other account, made when there is none; throws `unknown_user`. */
  direct(username: string): Promise<Conversation>;
  /** Those that this device knows. */
  list(): Promise<Conversation[]>;
};

/** Conversations over the store; only `direct` with somebody new asks the server. */
export function createConversations(deps: Deps): Conversations {
  const { store } = deps;
  return {
    async direct(username) {
      const own = await getOwnAccount(store);
      const name = username.trim().toLowerCase();
      const person = await findPersonByUsername(store, name);
      const known = person === undefined ? undefined : await findDirect(store, person.accountId);
      return openConversation(deps, known ?? (await openDirect(deps, own, name)));
    },
    async list() {
      const known = await listConversations(store);
      return Promise.all(known.map((conversation) => openConversation(deps, conversation)));
    },
  };
}

async function openDirect(
  { store, chat, transact, people, request }: Deps,
  own: { accountId: string; deviceId: string },
  username: string,
): Promise<KnownConversation> {
  const found = await findAccountByName(request, username);
  if (found === undefined) throw new SottoError("unknown_user", `There is no user ${username}`);
  const peerId = found.accountId;
  const known = await findDirect(store, peerId);
  const conversationId = known?.conversationId ?? (await askForDirect(chat, own, peerId));
  await people.get(peerId);
  await transact(async (tx) => {
    putPerson(tx, { ...(await getPerson(tx, peerId)), username });
    if ((await findDirect(tx, peerId)) === undefined) putDirect(tx, own.accountId, peerId, conversationId);
  });
  const opened = await findConversation(store, conversationId);
  if (opened === undefined)
    throw new SottoError("unknown_conversation", "The conversation has another id here");
  return opened;
}

/** Who a direct conversation is with is decided here, not by the server. */
async function askForDirect(
  chat: ClientContext["chat"],
  own: { accountId: string; deviceId: string },
  peerId: string,
): Promise<string> {
  const { conversationId, members } = await chat.openDirect(own.deviceId, peerId);
  const expected = [own.accountId, peerId].sort().join();
  if (peerId === own.accountId || [...members].sort().join() !== expected) {
    throw new SottoError("bad_answer", "The server's direct conversation has other members");
  }
  return conversationId;
}

async function openConversation(deps: Deps, known: KnownConversation): Promise<Conversation> {
  const { store, chat, request, queue, clock, people, setTyping, setReadMark, releaseHeld } = deps;
  const { conversationId, kind } = known;
  const mutePath = `/api/chat/conversations/${conversationId}/mute`;
  const own = await getOwnAccount(store);
  const peerId = known.members.find((accountId) => accountId !== own.accountId) ?? own.accountId;
  return {
    conversationId,
    kind,
    members: await Promise.all(known.members.map((accountId) => toMember(deps, accountId))),
    async send({ text }) {
      if (toUtf8(JSON.stringify(text)).length > MAX_TEXT_JSON_BYTES) {
        throw new SottoError("payload_too_large", "The text is too long for one message");
      }
      if ((await findPerson(store, peerId))?.offeredKey !== undefined) {
        throw new SottoError("identity_changed", "The account key of the other side changed");
      }
      const sentAt = isoTime(clock.now());
      const head = { sentAt, senderName: own.username, members: [...known.members] };
      return queue.enqueue(conversationId, { type: "text", body: { text }, ...head });
    },
    typing: (active) => setTyping(conversationId, active),
    markRead: (messageId) => setReadMark(conversationId, messageId),
    mute: (until) =>
      request({ method: "PUT", path: mutePath, body: { until: until?.toISOString() ?? null } }),
    unmute: () => request({ method: "DELETE", path: mutePath }),
    async attention() {
      const { readAt, muted } = await chat.openDirect(own.deviceId, peerId);
      return { readAt, muted };
    },
    history: (page) => readHistory(deps, conversationId, page),
    safetyNumber: () => computeSafetyNumber(deps, own.accountId, peerId),
    async acceptIdentity() {
      await people.acceptIdentity(peerId);
      await releaseHeld(peerId);
    },
  };
}

async function toMember({ store }: Pick<Deps, "store">, accountId: string): Promise<Member> {
  return { accountId, username: (await findPerson(store, accountId))?.username };
}

async function readHistory(
  deps: Pick<Deps, "store">,
  conversationId: string,
  { after = 0, limit = 1000 }: { readonly after?: number; readonly limit?: number } = {},
): Promise<HistoryEntry[]> {
  const rows = await listTimeline(deps.store, conversationId, after, limit);
  return Promise.all(
    rows.map(async ({ place, messageId, state, text, sentAt, acceptedAt, problem, ...row }) => {
      const sender = { ...(await toMember(deps, row.senderAccountId)), deviceId: row.senderDeviceId };
      return { place, messageId, state, sender, text, sentAt, acceptedAt, problem };
    }),
  );
}

async function computeSafetyNumber({ people }: Deps, ownId: string, peerId: string): Promise<string> {
  const { safetyNumber } = await import("@sotto/e2ee/safety-number");
  const [own, peer] = await Promise.all([people.get(ownId), people.get(peerId)]);
  const [ownKey, peerKey] = [fromBase64(own.accountKey ?? ""), fromBase64(peer.accountKey ?? "")];
  return safetyNumber(ownKey, ownId, peerKey, peerId);
}
