import type { LimitRule } from "@sotto/platform/limits";

/** Limits that hold across nodes. What each name counts is said by its key. */
export const chatLimits = {
  /** Bundles of one device's prekeys that another device claims: each one-time key is gone for good. */
  "prekey-claim.pair": { burst: 6, perMinute: 0.1, whenDown: "closed" },
  /**
   * Devices that an account adds, removes, and binds to another session; of each kind, which the key says. A change waits
   * for the messages of the account that are being stored, and messages for it.
   */
  "device-change.account": { burst: 20, perMinute: 20 / 60, whenDown: "closed" },
  /** Requests to become contacts, and answers to them. */
  "contacts.account": { burst: 20, perMinute: 1, whenDown: "closed" },
  /** Open: who wants to be left alone must not be kept from it. */
  "blocks.account": { burst: 60, perMinute: 10, whenDown: "open" },
  /** Read marks, by request or by socket. */
  "read.account": { burst: 120, perMinute: 120, whenDown: "open", batch: 20 },
  "export.account": { burst: 3, perMinute: 1 / 60, whenDown: "closed" },
  /** Every request of an account by REST, whatever it asks for. */
  "request.account": { burst: 300, perMinute: 300, whenDown: "open", batch: 20 },
} as const satisfies Record<string, LimitRule>;

export type ChatLimit = keyof typeof chatLimits;

/**
 * Limits that each node keeps in its memory: a statement for each frame would cost more than the frame. There is no store
 * that could be down.
 */
export const nodeLimits = {
  /** Handshakes of an account, each of which costs a statement. */
  "connection.account": { burst: 60, perMinute: 60, whenDown: "open" },
  /** Frames of any kind of a device. */
  "frame.device": { burst: 400, perMinute: 6000, whenDown: "open" },
  /** Messages of an account, to whomever. */
  "message.account": { burst: 120, perMinute: 1200, whenDown: "open" },
  /** Messages of an account in one conversation. */
  "message.conversation": { burst: 60, perMinute: 60, whenDown: "open" },
  /** Changes of typing of a device: people type in few conversations at a time. */
  "typing.device": { burst: 10, perMinute: 120, whenDown: "open" },
} as const satisfies Record<string, LimitRule>;

export type NodeLimit = keyof typeof nodeLimits;

/** Keys by which the store of limits names an account. */
export function limitKeysOf(accountId: string): string[] {
  const plain = Object.keys(chatLimits).map((name) => `${name}:${accountId}`);
  const changes = ["add", "remove", "bind"].map((kind) => `device-change.account:${kind} ${accountId}`);
  return [...plain, ...changes];
}
