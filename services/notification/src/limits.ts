import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key: an account. */
export const notificationLimits = {
  /** Every request of an account for its list of notifications. */
  "request.account": { burst: 120, perMinute: 120, whenDown: "open", batch: 10 },
  "export.account": { burst: 3, perMinute: 0.02, whenDown: "closed" },
} as const satisfies Record<string, LimitRule>;
