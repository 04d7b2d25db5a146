import type { NotificationContext } from "../context.ts";
import { prunePushes } from "./push-queries.ts";

/** The bus never repeats an event after so long a time. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** Deletes pushes that were settled long ago. A chore. */
export function forgetOldPushes({ db, clock }: Pick<NotificationContext, "db" | "clock">): Promise<void> {
  return prunePushes(db, new Date(clock.now().getTime() - KEEP_MS));
}
