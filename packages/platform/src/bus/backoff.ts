import { randomInt } from "node:crypto";

const RANDOM_STEPS = 2 ** 32;
/** 0 to 1, exclusive. */
export const systemRandom = (): number => randomInt(RANDOM_STEPS) / RANDOM_STEPS;

export type BackoffOptions = {
  firstMs: number;
  maxMs: number;
  /** 0 to 1, exclusive. */
  random?: () => number;
};

/** Waiting time before repetition `attempt` (1, 2, ...), in milliseconds: doubling, between half and the whole of it. */
export function backoffMs(
  attempt: number,
  { firstMs, maxMs, random = systemRandom }: BackoffOptions,
): number {
  const whole = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(whole / 2 + (whole / 2) * random());
}

/** Waits; ends early, without an error, when `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Calls `attempt` until it succeeds or `signal` is aborted, with growing pauses. */
export async function retryForever(
  attempt: () => Promise<void>,
  options: BackoffOptions & { signal: AbortSignal; onError: (error: unknown, tries: number) => void },
): Promise<void> {
  for (let tries = 1; !options.signal.aborted; tries++) {
    try {
      return await attempt();
    } catch (error) {
      options.onError(error, tries);
      await pause(backoffMs(tries, options), options.signal);
    }
  }
}
