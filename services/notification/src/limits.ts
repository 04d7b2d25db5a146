import type { LimitRule } from "@sotto/platform/limits";

/** What each name counts is said by its key: an account. */
export const notificationLimits = {
  "export.account": { burst: 3, perMinute: 0.02, whenDown: "closed" },
} as const satisfies Record<string, LimitRule>;
