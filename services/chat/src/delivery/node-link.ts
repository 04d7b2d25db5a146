import type { PrekeyStock } from "@sotto/contracts/device-api";
import type { CloseReason } from "@sotto/contracts/socket-events";
import type { Logger } from "@sotto/platform/log";
import type { Server } from "socket.io";
import type { ChatMetrics } from "../chat-metrics.ts";
import type { DeviceSession } from "../devices/device-context.ts";
import type { TypingChange } from "./device-connection.ts";

/**
 * What chat nodes tell each other through the Socket.IO adapter. Everything here is a hint: the adapter loses messages
 * while it reconnects and at saturation. Whatever must not be lost stands in the database and is found by the sweep.
 */
export type NodeMessages = {
  /** New envelopes in the mailboxes of these devices. */
  "node:mail": (deviceIds: string[]) => void;
  "node:connected": (deviceId: string, connectionId: string) => void;
  "node:close": (deviceId: string, sessionId: string, reason: CloseReason) => void;
  "node:keys-low": (deviceId: string, stock: PrekeyStock) => void;
  "node:typing": (news: TypingNews[]) => void;
  /** Contacts, blocks or settings of these accounts have changed. */
  "node:people": (accountIds: string[]) => void;
  /** Lists of notifications of these accounts have changed. */
  "node:lists": (news: ListNews[]) => void;
};

/** What an account's list of notifications held unread when this event was appended. */
export type ListNews = { accountId: string; unread: number; eventId: string };

/** A change and whom to tell of it. */
export type TypingNews = [change: TypingChange, accountIds: string[]];

export interface NodeLink {
  /** Batched: many calls become few notifications. */
  mail(deviceIds: Iterable<string>): void;
  connected(deviceId: string, connectionId: string): void;
  close(ended: DeviceSession, reason: CloseReason): void;
  keysLow(deviceId: string, stock: PrekeyStock): void;
  /** Batched; of the changes of one moment in one conversation by one account only the last is told. */
  typing(accountIds: string[], change: TypingChange): void;
  /** Not batched: who calls it does that. */
  people(accountIds: readonly string[]): void;
  /** Not batched either. */
  lists(news: readonly ListNews[]): void;
  /** Sends what waits. */
  stop(): void;
}

/** A notification holds 8000 bytes; 39 characters for an id and its quotes leave room for the adapter's own fields. */
const IDS_PER_NOTIFICATION = 150;
/** Two ids each, and the names of the fields. */
const LISTS_PER_NOTIFICATION = 50;
const MAIL_INTERVAL_MS = 8;
/** Devices that wait to be told; beyond it the sweep of the other nodes finds them. */
const MAX_WAITING = 50_000;

const TYPING_INTERVAL_MS = 100;
/** Characters of one notification's news, and of the names and ids of a change without those who are told. */
const TYPING_CHARACTERS = 6000;
const CHANGE_CHARACTERS = 160;
const ID_CHARACTERS = 39;
/** Changes that wait to be told; beyond it they are told to nobody elsewhere, as if they had come too late. */
const MAX_TYPING = 5000;

type LinkServer = Pick<Server<NodeMessages, NodeMessages, NodeMessages>, "serverSideEmit">;
type LinkDeps = {
  io: LinkServer;
  log: Logger;
  figures: Pick<ChatMetrics, "hints">;
  /** True while notifications wait for a connection: the queue behind them has no bound. */
  isCongested(): boolean;
};

/** Talks to the other nodes. What is more than can be told is left out: it is found without being told. */
export function createNodeLink({ io, log, figures, isCongested }: LinkDeps): NodeLink {
  const mail = new Set<string>();
  const typing = new Map<string, TypingNews>();
  let timer: NodeJS.Timeout | undefined;
  let typingTimer: NodeJS.Timeout | undefined;

  function tell<K extends keyof NodeMessages>(kind: K, ...values: Parameters<NodeMessages[K]>): void {
    if (isCongested()) {
      figures.hints.inc({ kind: "left-out" });
      return;
    }
    figures.hints.inc({ kind: kind.slice("node:".length) });
    io.serverSideEmit(kind, ...values);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const ids = [...mail];
    mail.clear();
    for (const part of inParts(ids)) tell("node:mail", part);
  }

  function flushTyping(): void {
    clearTimeout(typingTimer);
    typingTimer = undefined;
    const news = [...typing.values()];
    typing.clear();
    for (const part of inNotifications(news)) tell("node:typing", part);
  }

  return {
    mail(deviceIds) {
      for (const id of deviceIds) {
        if (mail.size >= MAX_WAITING) {
          log.warn("too many hints wait; leaving the rest to the sweep");
          break;
        }
        mail.add(id);
      }
      if (mail.size > 0) timer ??= setTimeout(flush, MAIL_INTERVAL_MS);
    },
    connected: (deviceId, connectionId) => tell("node:connected", deviceId, connectionId),
    close: ({ deviceId, sessionId }, reason) => tell("node:close", deviceId, sessionId, reason),
    keysLow: (deviceId, stock) => tell("node:keys-low", deviceId, stock),
    typing(accountIds, change) {
      const key = `${change.conversationId} ${change.accountId}`;
      if (typing.size >= MAX_TYPING && !typing.has(key)) return;
      typing.set(key, [change, accountIds]);
      typingTimer ??= setTimeout(flushTyping, TYPING_INTERVAL_MS);
    },
    people(accountIds) {
      for (const part of inParts(accountIds)) tell("node:people", part);
    },
    lists(news) {
      for (const part of inParts(news, LISTS_PER_NOTIFICATION)) tell("node:lists", part);
    },
    stop() {
      flush();
      flushTyping();
    },
  };
}

function inParts<T>(items: readonly T[], size = IDS_PER_NOTIFICATION): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

function inNotifications(news: readonly TypingNews[]): TypingNews[][] {
  const parts: TypingNews[][] = [];
  let left = 0;
  for (const each of news) {
    const size = CHANGE_CHARACTERS + each[1].length * ID_CHARACTERS;
    if (size > left) {
      parts.push([]);
      left = TYPING_CHARACTERS;
    }
    parts.at(-1)?.push(each);
    left -= size;
  }
  return parts;
}
