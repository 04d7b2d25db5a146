import { AppError } from "@sotto/platform/app-error";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";
import { isRevoked, lockSession } from "./session-queries.ts";

/**
 * For whatever is about to bind a device to a session: makes sure that it was not revoked, and is not before `tx` ends.
 * Its access token would let it in for minutes. @throws AppError `session_revoked`.
 */
export async function assertNotRevoked(tx: Transaction<ChatDatabase>, sessionId: string): Promise<void> {
  await lockSession(tx, sessionId);
  if (await isRevoked(tx, sessionId)) throw new AppError("session_revoked", "The session has been ended.");
}
