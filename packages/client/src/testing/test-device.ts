import { createAccount, exportAccount, importAccount } from "@sotto/e2ee/account";
import { createDevice } from "@sotto/e2ee/device";
import { createTransactor, type DeviceStore } from "@sotto/e2ee/store";
import { v7 } from "uuid";
import { fromBase64 } from "../bytes.ts";
import type { ClientContext } from "../client-context.ts";
import type { ClientEvents } from "../client-events.ts";
import type { Clock } from "../clock.ts";
import { type Conversations, createConversations } from "../conversations.ts";
import { People } from "../devices/people.ts";
import { createEventEmitter } from "../event-emitter.ts";
import { Inbox } from "../inbox/inbox.ts";
import { type Message, MessageFeed, readStoredMessages } from "../inbox/message-feed.ts";
import { learnNames } from "../learn-names.ts";
import { findOwnAccount, putOwnAccount } from "../rows/account-rows.ts";
import { SendQueue } from "../send/send-queue.ts";
import { toWireRegistration } from "../session/sign-in.ts";
import { memoryStore } from "../stores/memory-store.ts";
import type { MemoryServer } from "./memory-server.ts";

/** Timers run at once, so that retries cost no time; the clock stands still. */
export const hastyClock: Clock = {
  now: () => Date.UTC(2026, 0, 1),
  after: (_delayMs, run) => {
    const timer = setImmediate(run);
    return () => clearImmediate(timer);
  },
  random: () => 0,
};

export type TestDevice = {
  readonly accountId: string;
  readonly deviceId: string;
  readonly context: ClientContext;
  readonly people: People;
  readonly queue: SendQueue;
  readonly conversations: Conversations;
  readonly seen: { [Name in keyof ClientEvents]: ClientEvents[Name][] };
  /** Reads the mailbox until it is empty, as over REST. */
  pump(): Promise<void>;
  /** Everything the feed holds. */
  messages(): Promise<Message[]>;
  close(): Promise<void>;
};

export type DeviceOptions = {
  readonly username?: string;
  readonly store?: DeviceStore;
  /** The device that adds this one to its account. */
  readonly linkedBy?: TestDevice;
  /** An account that the server has, for a device with an account key of its own. */
  readonly accountId?: string;
  readonly clock?: Clock;
};

/** The parts of a client, without sockets and tokens, on a memory server. An own store makes it go on where it was. */
export async function openTestDevice(server: MemoryServer, options: DeviceOptions = {}): Promise<TestDevice> {
  const { clock = hastyClock, linkedBy } = options;
  const store = options.store ?? (await memoryStore().open());
  const { transact } = createTransactor(store);
  const known = await findOwnAccount(store);
  const accountId = known?.accountId ?? linkedBy?.accountId ?? options.accountId ?? v7();
  const deviceId = known?.deviceId ?? v7();
  if (!server.accounts.has(accountId)) server.addAccount(accountId, options.username ?? "nobody");
  const chat = server.chatOf(accountId, deviceId);
  const events = createEventEmitter<ClientEvents>();
  const context = { clock, store, transact, chat, events, request: server.request, uuid: () => v7() };
  const username = server.accounts.get(accountId)?.username ?? "nobody";
  if (known === undefined) await enrol(server, context, { accountId, deviceId, username, linkedBy });
  return assemble(context, accountId, deviceId);
}

type Enrolment = {
  readonly accountId: string;
  readonly deviceId: string;
  readonly username: string;
  readonly linkedBy: TestDevice | undefined;
};

async function enrol(server: MemoryServer, context: ClientContext, own: Enrolment): Promise<void> {
  const { accountId, deviceId, username, linkedBy } = own;
  const accountKey = await linkedBy?.context.transact((tx) => exportAccount(tx));
  const listed = server.accounts.get(accountId)?.lists.at(-1);
  const registration = await context.transact(async (tx) => {
    if (accountKey === undefined) await createAccount(tx);
    else await importAccount(tx, accountKey);
    putOwnAccount(tx, { accountId, username, deviceId });
    const previous = listed && {
      previousDeviceList: { bytes: fromBase64(listed.bytes), signature: fromBase64(listed.signature) },
    };
    return createDevice(tx, {
      accountId,
      deviceId,
      now: context.clock.now(),
      oneTimePrekeys: 5,
      ...previous,
    });
  });
  await context.chat.registerDevice(toWireRegistration(registration));
}

async function assemble(context: ClientContext, accountId: string, deviceId: string): Promise<TestDevice> {
  const { store, chat } = context;
  const people = new People(context);
  const feed = new MessageFeed(store);
  const transport = (request: Parameters<typeof chat.sendMessage>[1]) => chat.sendMessage(deviceId, request);
  const queue = new SendQueue({ ...context, people, transport });
  const inbox = new Inbox({
    ...context,
    people,
    feed,
    learnNames: (names) => learnNames(context, names),
    queue,
  });
  const conversations = createConversations({
    ...context,
    people,
    queue,
    setTyping: () => {},
    setReadMark: async () => {},
    releaseHeld: (peerId) => inbox.releaseHeld(peerId),
  });
  await queue.load();
  let isClosed = false;
  return {
    accountId,
    deviceId,
    context,
    people,
    queue,
    conversations,
    seen: listenToAll(context),
    async pump() {
      while (!isClosed) {
        const { envelopes } = await chat.inbox(deviceId);
        if (envelopes.length === 0) return;
        await inbox.take(
          envelopes,
          (ids) => chat.acknowledge(deviceId, ids),
          () => true,
        );
      }
    },
    messages: () => readStoredMessages(store, 0, 10_000),
    async close() {
      isClosed = true;
      await queue.close();
      await inbox.close();
      feed.close();
    },
  };
}

function listenToAll({ events }: ClientContext): TestDevice["seen"] {
  const seen: TestDevice["seen"] = {
    status: [],
    typing: [],
    "people-changed": [],
    "notifications-changed": [],
    gap: [],
    "identity-changed": [],
    accepted: [],
    refused: [],
    undecryptable: [],
    "keys-low": [],
    "signed-out": [],
    trouble: [],
  };
  for (const name of Object.keys(seen) as (keyof ClientEvents)[]) {
    events.on(name, (event) => (seen[name] as unknown[]).push(event));
  }
  return seen;
}
