/** A session that is not refreshed for so long ends by itself. */
export const SESSION_UNUSED_DAYS = 60;
export const SESSION_UNUSED_SECONDS = SESSION_UNUSED_DAYS * 24 * 60 * 60;

export function isUnusedTooLong(lastUsedAt: Date, now: Date): boolean {
  return now.getTime() - lastUsedAt.getTime() > SESSION_UNUSED_SECONDS * 1000;
}
