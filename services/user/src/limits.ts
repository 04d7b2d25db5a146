import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key: an account, or an address (IPv6 by /64). */
export const userLimits = {
  "sign-in.account": { burst: 5, perMinute: 1, whenDown: "closed" },
  "sign-in.address": { burst: 20, perMinute: 1, whenDown: "closed" },
  /** Second factors and re-authentication: wrong codes of one account. */
  "second-factor.account": { burst: 5, perMinute: 1, whenDown: "closed" },
  "register.address": { burst: 6, perMinute: 2, whenDown: "closed" },
  "refresh.session": { burst: 30, perMinute: 6, whenDown: "open" },
  "search.account": { burst: 30, perMinute: 30, whenDown: "open" },
  /** Requests for mails with links, by the address that gets them and by the network address that asks. */
  "mail.recipient": { burst: 3, perMinute: 0.05, whenDown: "closed" },
  "mail.address": { burst: 10, perMinute: 1, whenDown: "closed" },
  /** Tries of tokens from links. */
  "mail-token.address": { burst: 20, perMinute: 2, whenDown: "closed" },
  "passkey.address": { burst: 30, perMinute: 10, whenDown: "closed" },
  "export.account": { burst: 3, perMinute: 0.02, whenDown: "closed" },
  /** Every request of an account, whatever it asks for: in batches, so that most cost no statement. */
  "request.account": { burst: 300, perMinute: 300, whenDown: "open", batch: 50 },
} as const satisfies Record<string, LimitRule>;

export type UserLimit = keyof typeof userLimits;
