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
  "node:typing": (accountIds: string[], change: TypingChange) => void;
};

export interface NodeLink {
  /** Batched: many calls become few notifications. */
  mail(deviceIds: Iterable<string>): void;
  connected(deviceId: string, connectionId: string): void;
  close(ended: DeviceSession, reason: CloseReason): void;
  keysLow(deviceId: string, stock: PrekeyStock): void;
  typing(accountIds: string[], change: TypingChange): void;
  /** Sends what waits. */
  stop(): void;
}

/** A notification holds 8000 bytes; 39 characters for an id and its quotes leave room for the adapter's own fields. */
const IDS_PER_NOTIFICATION = 150;
const MAIL_INTERVAL_MS = 8;
/** Devices that wait to be told; beyond it the sweep of the other nodes finds them. */
const MAX_WAITING = 50_000;

type LinkServer = Pick<Server<NodeMessages, NodeMessages, NodeMessages>, "serverSideEmit" | "of">;
type LinkDeps = { io: LinkServer; log: Logger; figures: Pick<ChatMetrics, "hints"> };

/** Talks to the other nodes when there are any; a node that is alone sends nothing. */
export function createNodeLink({ io, log, figures }: LinkDeps): NodeLink {
  const mail = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function tell<K extends keyof NodeMessages>(kind: K, ...values: Parameters<NodeMessages[K]>): void {
    figures.hints.inc({ kind: kind.slice("node:".length) });
    io.serverSideEmit(kind, ...values);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const ids = [...mail];
    mail.clear();
    for (let start = 0; start < ids.length; start += IDS_PER_NOTIFICATION) {
      tell("node:mail", ids.slice(start, start + IDS_PER_NOTIFICATION));
    }
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
    typing: (accountIds, change) => tell("node:typing", accountIds, change),
    stop: flush,
  };
}
