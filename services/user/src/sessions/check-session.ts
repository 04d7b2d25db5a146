import { AppError } from "@sotto/platform/app-error";
import type { UserContext } from "../context.ts";
import { hasLiveSession } from "./session-queries.ts";

/** An access token outlives its session for minutes. @throws AppError `session_revoked` when the session has ended. */
export async function checkSession(context: Pick<UserContext, "db">, sessionId: string): Promise<void> {
  if (await hasLiveSession(context.db, sessionId)) return;
  throw new AppError("session_revoked", "The session has been ended.");
}
