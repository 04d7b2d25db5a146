import type { SessionEntry } from "@sotto/contracts/session-api";
import type { UserContext } from "../context.ts";
import { endedBefore } from "./session-age.ts";
import { listLiveSessions } from "./session-queries.ts";

/** More than a person can look through; the ones used last are shown. */
const SHOWN = 200;

/** The sessions of an account that can still be used, the ones used last first. */
export async function listSessions(
  context: Pick<UserContext, "db" | "clock">,
  caller: { accountId: string; sessionId: string },
): Promise<SessionEntry[]> {
  const sessions = await listLiveSessions(context.db, caller.accountId, {
    usedSince: endedBefore(context.clock.now()).used,
    limit: SHOWN,
  });
  return sessions.map(({ sessionId, client, createdAt, lastUsedAt }) => ({
    sessionId,
    client,
    createdAt: createdAt.toISOString(),
    lastSeenAt: lastUsedAt.toISOString(),
    current: sessionId === caller.sessionId,
  }));
}
