/** `burst` at once, and `perMinute` in the long run. */
export type BucketRule = { readonly burst: number; readonly perMinute: number };

/** The rule in whole milliseconds: a point comes back after `intervalMs`, `burst` of them are within `capacityMs`. */
export type Bucket = { readonly burst: number; readonly intervalMs: number; readonly capacityMs: number };

const MINUTE_MS = 60_000;
/**
 * Tries reach the store in another order than they read their clocks, and clocks of nodes differ. Without this room, of
 * a whole burst at once the last point would often be refused.
 */
const SKEW_MS = 50;

/** Rounds in favour of the caller: a point never takes longer to come back than the rule says. */
export function toBucket({ burst, perMinute }: BucketRule): Bucket {
  const intervalMs = Math.max(1, Math.floor(MINUTE_MS / perMinute));
  // Less than a point, so that there is never one more.
  return { burst, intervalMs, capacityMs: burst * intervalMs + Math.min(SKEW_MS, intervalMs - 1) };
}

/** What `points` cost, at most the whole bucket: more would never be there. */
export function costMs({ burst, intervalMs }: Bucket, points: number): number {
  return Math.min(points, burst) * intervalMs;
}

/** Milliseconds until `points` are there, when the bucket is full again at `fullAt`; 0 when they are there now. */
export function waitMs(bucket: Bucket, held: { fullAt: number; nowMs: number; points: number }): number {
  const fullAfter = Math.max(held.fullAt, held.nowMs) + costMs(bucket, held.points);
  return Math.max(0, fullAfter - bucket.capacityMs - held.nowMs);
}
