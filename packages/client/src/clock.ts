/** Time and chance, so that tests own both. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
  /** Uniform in [0, 1); for jitter only, never for keys. */
  random(): number;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** ISO 8601 in UTC, as on the wire. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
