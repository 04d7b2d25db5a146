/** The value below which the share `share` (0 to 1) of `sorted` lies; NaN when there is none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export type Spread = { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };

export function spreadOf(samplesMs: readonly number[]): Spread {
  const sorted = Float64Array.from(samplesMs).sort();
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), maxMs: percentile(sorted, 1) };
}
