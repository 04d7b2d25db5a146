import { deletionScheduled } from "@sotto/contracts/account-api";
import { type AuditEntry, auditPage } from "@sotto/contracts/audit-api";
import { limits } from "@sotto/contracts/limits";
import { readPages, withQuery } from "../pages.ts";
import type { AccountCalls } from "./account-calls.ts";
import { type AccountCredentials, createCredentials } from "./credentials.ts";
import { exportEverything } from "./export-everything.ts";
import type { ReauthenticationProof } from "./reauthenticate.ts";
import { type AccountSecondFactors, createSecondFactors } from "./second-factors.ts";
import { type AccountSessions, createAccountSessions } from "./sessions.ts";

/** Who a store belongs to. */
export type Identity = { readonly accountId: string; readonly username: string; readonly deviceId: string };

/**
 * The own account. What needs a fresh session asks `onReauthenticationRequired` when it has to; without that option it
 * throws `reauthentication_required`, and works after `reauthenticate`.
 */
export type ClientAccount = {
  /** Whose client this is; undefined before the first registration or sign-in. */
  (): Promise<Identity | undefined>;
  readonly sessions: AccountSessions;
  /** What happened to the account, newest first; read from the server page by page. */
  audit(): AsyncIterable<AuditEntry>;
  /** Throws `invalid_credentials`, `challenge_required` without a second factor that is needed, `cancelled`. */
  reauthenticate(proof: ReauthenticationProof): Promise<void>;
  /** Hides the account until its next sign-in. Ends all sessions, this one too. Needs a fresh session. */
  deactivate(): Promise<void>;
  /**
   * Hides the account, and deletes it at `deletesAt` unless it signs in before. Ends all sessions, this one too. What
   * this device has stays: it is the application's to delete. Needs a fresh session.
   */
  delete(): Promise<{ deletesAt: string }>;
  /**
   * A ZIP file with everything: what the services know, in the folders `account`, `chat` and `notifications`, and what
   * only this device can read, in `device/messages.json`. Needs a fresh session.
   */
  export(): Promise<Uint8Array>;
} & AccountSecondFactors &
  AccountCredentials;

type Deps = AccountCalls & {
  readonly identify: () => Promise<Identity | undefined>;
  readonly prove: (proof: ReauthenticationProof) => Promise<void>;
} & Pick<Parameters<typeof exportEverything>[0], "clock" | "conversations">;

/** `client.account`. */
export function createClientAccount(deps: Deps): ClientAccount {
  const { request, fresh, leave } = deps;
  return Object.assign(deps.identify, {
    sessions: createAccountSessions(deps),
    ...createSecondFactors(deps),
    ...createCredentials(deps),
    audit: () =>
      readPages(async (after) => {
        const path = withQuery("/api/user/audit", { after, limit: String(limits.pageMax) });
        const { entries, next } = await request({ method: "GET", path, answer: auditPage });
        return { items: entries, next };
      }),
    reauthenticate: deps.prove,
    async deactivate() {
      await fresh(() => request({ method: "POST", path: "/api/user/deactivate" }));
      await leave();
    },
    async delete() {
      const deletion = { method: "POST", path: "/api/user/delete", answer: deletionScheduled } as const;
      const scheduled = await fresh(() => request(deletion));
      await leave();
      return scheduled;
    },
    export: () => exportEverything(deps),
  });
}
