import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key: an account, or the address that a mail goes to. */
export const notificationLimits = {
  /** Every request of an account for its list of notifications. */
  "request.account": { burst: 120, perMinute: 120, whenDown: "open", batch: 10 },
  "export.account": { burst: 3, perMinute: 0.02, whenDown: "closed" },
  /** Looking at push subscriptions, and changing them. Open: who wants no pushes must not be kept from it. */
  "push.account": { burst: 30, perMinute: 6, whenDown: "open" },
  // In any hour at most 35 mails; 15 an hour for long.
  "mail.address": { burst: 20, perMinute: 0.25, whenDown: "open" },
  "preferences.account": { burst: 30, perMinute: 10, whenDown: "open" },
} as const satisfies Record<string, LimitRule>;
