import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key. */
export const chatLimits = {
  /** Prekey bundles of one device that one other device claims. */
  "prekey-claim.pair": { burst: 6, perMinute: 0.1, whenDown: "closed" },
  /** Devices that an account adds, removes, and binds to another session: of each kind. */
  "device-change.account": { burst: 20, perMinute: 1 / 3, whenDown: "closed" },
} as const satisfies Record<string, LimitRule>;

export type ChatLimit = keyof typeof chatLimits;
