import type { PushAnswer } from "./push-http.ts";

/** What is to become of a push. `reason` holds nothing of what a push service wrote, and no address. */
export type PushVerdict =
  | { readonly kind: "sent" }
  /** The subscription is no more (RFC 8030 section 7.3). */
  | { readonly kind: "gone"; readonly reason: string }
  | { readonly kind: "later"; readonly reason: string; readonly afterMs: number }
  | { readonly kind: "refused"; readonly reason: string };

/** Other refusals of a request than these would be the same the next time. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** Judges an answer by its status; redirections, which nobody follows, are refusals. */
export function judgeAnswer({ status, retryAfter }: PushAnswer, now: Date): PushVerdict {
  const reason = `push ${status}`;
  if (status >= 200 && status < 300) return { kind: "sent" };
  if (status === 404 || status === 410) return { kind: "gone", reason };
  if (status >= 500 || PASSING.has(status)) {
    return { kind: "later", reason, afterMs: readRetryAfter(retryAfter, now) };
  }
  return { kind: "refused", reason };
}

/** Judges what came instead of an answer. An address that nobody may call stays one; a network comes back. */
export function judgeFailure(error: unknown): PushVerdict {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { name?: unknown } };
  if (code === "ENOTPUBLIC") return { kind: "refused", reason: code };
  const reason = cause?.name === "TimeoutError" ? "timeout" : typeof code === "string" ? code : "unknown";
  return { kind: "later", reason, afterMs: 0 };
}

/** Seconds, or a date (RFC 9110 section 10.2.3), in milliseconds from now; 0 when it says nothing. */
function readRetryAfter(text: string | undefined, now: Date): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
