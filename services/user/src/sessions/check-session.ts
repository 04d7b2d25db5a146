import { AppError } from "@sotto/platform/app-error";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { hasLiveSession } from "./session-queries.ts";

/**
 * An access token outlives its session for minutes.
 * @throws AppError `session_revoked` when the session has ended, or its account is not active.
 */
export async function checkSession(
  { db }: { db: Executor<AccountDatabase> },
  sessionId: string,
): Promise<void> {
  if (await hasLiveSession(db, sessionId)) return;
  throw sessionEnded();
}

export function sessionEnded(): AppError {
  return new AppError("session_revoked", "The session has been ended.");
}
