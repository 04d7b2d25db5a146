import type { ChatContext } from "../context.ts";
import { unbindSession } from "./presence-queries.ts";

/** Ends what a revoked session may do here: its devices need a new proof, and their connections close on every node. */
export async function revokeSession(
  context: Pick<ChatContext, "pool" | "closeDevice">,
  sessionId: string,
): Promise<void> {
  const deviceIds = await unbindSession(context.pool, sessionId);
  for (const deviceId of deviceIds) context.closeDevice({ deviceId, sessionId }, "session_revoked");
}
