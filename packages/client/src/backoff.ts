type BackoffRule = { readonly firstMs: number; readonly capMs: number };

export const reconnectBackoff: BackoffRule = { firstMs: 300, capMs: 30_000 };
export const sendBackoff: BackoffRule = { firstMs: 200, capMs: 30_000 };

/**
 * Delay before try number `attempt` (1 = the first retry): doubles up to the cap, of which a random half is jitter,
 * so that the clients of a restarted server do not come back together. Never below what the server asked for.
 */
export function backoffMs(
  rule: BackoffRule,
  attempt: number,
  random: number,
  retryAfterSeconds: number | undefined = undefined,
): number {
  const full = Math.min(rule.capMs, rule.firstMs * 2 ** Math.min(attempt - 1, 30));
  const jittered = full / 2 + (full / 2) * random;
  return Math.max(jittered, (retryAfterSeconds ?? 0) * 1000);
}
