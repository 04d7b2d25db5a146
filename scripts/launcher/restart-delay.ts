const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** A part that ran for this long was well; its next death is a new story. */
const HEALTHY_MS = 30_000;

/** How long to wait before the next start of a part that died. `previousMs`: the wait before, 0 at first. */
export function restartDelayMs(previousMs: number, ranMs: number): number {
  if (previousMs === 0 || ranMs >= HEALTHY_MS) return FIRST_MS;
  return Math.min(previousMs * 2, LONGEST_MS);
}
