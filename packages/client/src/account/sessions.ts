import { type SessionEntry, sessionList, sessionsRevoked } from "@sotto/contracts/session-api";
import type { AccountCalls } from "./account-calls.ts";

export type AccountSessions = {
  /** The sessions that can still be used, this one among them; the ones used last first. */
  list(): Promise<SessionEntry[]>;
  /** Ends one; this client is signed out when it is its own. Throws `not_found`. */
  revoke(sessionId: string): Promise<void>;
  /** Ends all but this one; how many there were. Needs a fresh session. */
  revokeOthers(): Promise<number>;
};

/** Sessions of the own account. */
export function createAccountSessions(calls: AccountCalls): AccountSessions {
  const { request, fresh } = calls;
  const path = "/api/user/sessions";
  return {
    async list() {
      return (await request({ method: "GET", path, answer: sessionList })).sessions;
    },
    async revoke(sessionId) {
      await request({ method: "DELETE", path: `${path}/${encodeURIComponent(sessionId)}` });
      if (sessionId === calls.currentSessionId()) await calls.leave();
    },
    async revokeOthers() {
      const others = { method: "POST", path: `${path}/revoke-others`, answer: sessionsRevoked } as const;
      return (await fresh(() => request(others))).revoked;
    },
  };
}
