import type { ChatContext } from "../context.ts";
import { insertRevoked, lockSession, unbindSession } from "../devices/session-queries.ts";

/**
 * Ends what a revoked session may do here: its connections close on every node, and no device is bound to it again, though
 * access tokens of it may live for minutes.
 */
export async function revokeSession(
  context: Pick<ChatContext, "db" | "clock" | "closeDevice">,
  sessionId: string,
): Promise<void> {
  const deviceIds = await context.db.transaction().execute(async (tx) => {
    await lockSession(tx, sessionId);
    await insertRevoked(tx, sessionId, context.clock.now());
    return unbindSession(tx, sessionId);
  });
  for (const deviceId of deviceIds) context.closeDevice({ deviceId, sessionId }, "session_revoked");
}
