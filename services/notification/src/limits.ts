import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key: an account. */
export const notificationLimits = {
  "export.account": { burst: 3, perMinute: 0.02, whenDown: "closed" },
  /** Looking at push subscriptions, and changing them. Open: who wants no pushes must not be kept from it. */
  "push.account": { burst: 30, perMinute: 6, whenDown: "open" },
  "preferences.account": { burst: 30, perMinute: 10, whenDown: "open" },
} as const satisfies Record<string, LimitRule>;
