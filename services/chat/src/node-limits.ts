import { AppError } from "@sotto/platform/app-error";
import { BoundedMap } from "@sotto/platform/bounded-map";
import type { Clock } from "@sotto/platform/clock";
import type { LimitRules } from "@sotto/platform/limits";
import { type Bucket, toBucket } from "@sotto/platform/token-bucket";
import type { NodeLimit } from "./limits.ts";

/** The limits that a node keeps in its memory, by name. */
export interface NodeLimits {
  /** The bucket of `key`, which whoever takes from it often may keep. */
  bucket(name: NodeLimit, key: string): NodeBucket;
  /** Takes one point of the limit `name` for `key`. @throws AppError `rate_limited` with the seconds to wait. */
  take(name: NodeLimit, key: string): void;
}

export interface NodeBucket {
  /** Takes one point at `nowMs` of the monotonic clock; 0 when there was one, else the milliseconds until there is. */
  take(nowMs: number): number;
}

/**
 * Buckets of one limit that are remembered. Connecting again finds the bucket of before. To have its bucket forgotten an
 * account would need as many others as this within the time in which the bucket fills up by itself; the limits of
 * an account bound how many keys it can bring.
 */
const REMEMBERED = 200_000;

const UNLIMITED: NodeBucket = { take: () => 0 };

export function createNodeLimits(
  rules: LimitRules<NodeLimit>,
  clock: Pick<Clock, "monotonicMs">,
): NodeLimits {
  const buckets = new Map<NodeLimit, (key: string) => NodeBucket>();
  for (const [name, rule] of Object.entries(rules) as [NodeLimit, LimitRules<NodeLimit>[NodeLimit]][])
    buckets.set(name, rule === "off" ? () => UNLIMITED : rememberBuckets(toBucket(rule)));

  function bucket(name: NodeLimit, key: string): NodeBucket {
    return buckets.get(name)?.(key) ?? UNLIMITED;
  }

  return {
    bucket,
    take(name, key) {
      const waitMs = bucket(name, key).take(clock.monotonicMs());
      if (waitMs === 0) return;
      throw new AppError("rate_limited", "Too many of this kind. Wait, then try again.", {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      });
    },
  };
}

function rememberBuckets(rule: Bucket): (key: string) => NodeBucket {
  const known = new BoundedMap<string, NodeBucket>(REMEMBERED);
  return (key) => {
    const found = known.get(key);
    if (found) return found;
    const made = createBucket(rule);
    known.set(key, made);
    return made;
  };
}

/** A token bucket as one number: when it is full again. One clock: there is no skew to make room for. */
function createBucket({ burst, intervalMs }: Bucket): NodeBucket {
  const capacityMs = burst * intervalMs;
  let fullAt = 0;
  return {
    take(nowMs) {
      const fullAfter = Math.max(fullAt, nowMs) + intervalMs;
      const waitMs = fullAfter - capacityMs - nowMs;
      if (waitMs > 0) return Math.ceil(waitMs);
      fullAt = fullAfter;
      return 0;
    },
  };
}
