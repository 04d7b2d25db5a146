import { ACCESS_TOKEN_SECONDS } from "@sotto/contracts/access-token";

/** A session that is not refreshed for so long ends by itself. */
export const SESSION_UNUSED_SECONDS = 60 * 24 * 60 * 60;

export function isUnusedTooLong(lastUsedAt: Date, now: Date): boolean {
  return lastUsedAt < endedBefore(now).used;
}

/** Sessions revoked or last used before these times have ended, and no access token of theirs is alive. */
export function endedBefore(now: Date): { revoked: Date; used: Date } {
  const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);
  return { revoked: secondsAgo(ACCESS_TOKEN_SECONDS), used: secondsAgo(SESSION_UNUSED_SECONDS) };
}
