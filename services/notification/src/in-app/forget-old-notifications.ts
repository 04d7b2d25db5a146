import type { NotificationContext } from "../context.ts";
import { pruneNotifications } from "./notification-queries.ts";

const KEEP_MS = 90 * 24 * 3_600_000;
/** Rows that one statement deletes, so that none holds many locks. */
const BATCH = 500;

/** Forgets what was told long ago, read or not; a chore. Nobody is told: the next count is without them. */
export async function forgetOldNotifications({
  db,
  clock,
}: Pick<NotificationContext, "db" | "clock">): Promise<void> {
  const before = new Date(clock.now().getTime() - KEEP_MS);
  while ((await pruneNotifications(db, before, BATCH)) === BATCH);
}
