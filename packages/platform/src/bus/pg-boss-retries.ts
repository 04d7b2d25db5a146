/**
 * pg-boss has no list of delays: it doubles the first one, adds chance (between half and the whole of the next power of
 * two), and ends at the longest. As many repetitions as make it at least as patient, in all, as the list.
 */
export function retryLimitFor(delaysSeconds: readonly number[]): number {
  const first = Math.max(1, delaysSeconds[0] ?? 0);
  const longest = Math.max(1, ...delaysSeconds);
  let left = delaysSeconds.reduce((sum, delay) => sum + delay, 0);
  let retries = 0;
  for (; left > 0; retries++) left -= Math.min(longest, first * 2 ** retries);
  return retries;
}
