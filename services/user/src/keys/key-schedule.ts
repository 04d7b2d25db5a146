import { ACCESS_TOKEN_SECONDS } from "@sotto/contracts/access-token";

/** When a key signs, and until when what it signed is accepted. */
export type KeyTimes = { readonly signsFrom: Date; readonly retiresAt: Date | null };

/** Verifiers keep the keys that they have fetched for up to ten minutes: the next key is published for longer than that. */
const PUBLISHED_FIRST_SECONDS = 600;
/** After its successor signs. Twice the life of a token: what has a slow clock may sign a little longer. */
const ACCEPTED_AFTERWARDS_SECONDS = 2 * ACCESS_TOKEN_SECONDS;
const DAY_SECONDS = 24 * 60 * 60;

export function isAccepted({ retiresAt }: KeyTimes, now: Date): boolean {
  return retiresAt === null || retiresAt > now;
}

/** The key that signs: the last one to begin. When the clock of another service is ahead, the first that is to come. */
export function chooseSigner<K extends KeyTimes>(keys: readonly K[], now: Date): K | undefined {
  const accepted = keys.filter((key) => isAccepted(key, now)).sort((a, b) => +a.signsFrom - +b.signsFrom);
  return accepted.findLast((key) => key.signsFrom <= now) ?? accepted[0];
}

/** True when no key stays, or the newest one has signed for `days`. */
export function isRotationDue(keys: readonly KeyTimes[], now: Date, days: number): boolean {
  const staying = keys.filter((key) => key.retiresAt === null);
  return staying.every((key) => later(key.signsFrom, days * DAY_SECONDS) <= now);
}

/** The times of a successor of `keys`: it signs at once when there is no key that could sign until then. */
export function planSuccessor(
  keys: readonly KeyTimes[],
  now: Date,
): { signsFrom: Date; formerRetireAt: Date } {
  const signsFrom = keys.some((key) => isAccepted(key, now)) ? later(now, PUBLISHED_FIRST_SECONDS) : now;
  return { signsFrom, formerRetireAt: later(signsFrom, ACCEPTED_AFTERWARDS_SECONDS) };
}

/** A key that no service can open has had its time when it would have been replaced a day ago. */
export function isAbandoned(key: KeyTimes, now: Date, days: number): boolean {
  return later(key.signsFrom, (days + 1) * DAY_SECONDS) <= now;
}

function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}
