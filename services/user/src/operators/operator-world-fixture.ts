import type { OperatorRole } from "@sotto/contracts/operator-api";
import { type Registered, startUserApp } from "../user-app-fixture.ts";

/** The user service with one operator of each role, and somebody who is none. */
export async function startOperatorWorld() {
  const user = await startUserApp();
  let names = 0;

  async function setRole(accountId: string, role: OperatorRole | null): Promise<void> {
    await user.owner.query("update account.account set operator_role = $2 where account_id = $1", [
      accountId,
      role,
    ]);
  }
  async function newPerson(role: OperatorRole | null = null): Promise<Registered & { username: string }> {
    const username = `person${++names}`;
    const registered = await user.register(username);
    await setRole(registered.accountId, role);
    return { ...registered, username };
  }
  const body = { reason: "because of a test" };
  return {
    user,
    setRole,
    newPerson,
    people: {
      none: await newPerson(),
      auditor: await newPerson("auditor"),
      moderator: await newPerson("moderator"),
      administrator: await newPerson("administrator"),
    },
    get: (by: { accessToken: string }, path: string) => user.get(`/admin${path}`, { token: by.accessToken }),
    act: (by: { accessToken: string }, targetId: string, action: string, more: object = {}) =>
      user.send(action === "role" ? "PUT" : "POST", `/api/user/admin/accounts/${targetId}/${action}`, {
        token: by.accessToken,
        body: { ...body, ...more },
      }),
    rotate: (by: { accessToken: string }, more: object = {}) =>
      user.post("/admin/keys/rotate", { token: by.accessToken, body: { ...body, ...more } }),
    async audit(accountId: string, type?: string) {
      const { rows } = await user.owner.query(
        `select type, actor_account_id as actor, details, host(address) as address, session_id as session
         from account.audit_entry where account_id = $1 and ($2::text is null or type = $2) order by audit_id`,
        [accountId, type ?? null],
      );
      return rows as {
        type: string;
        actor: string | null;
        details: Record<string, unknown>;
        session: string;
      }[];
    },
    async notices(accountId: string): Promise<unknown[]> {
      return (await user.events())
        .filter(({ type, key }) => type === "user.security-notice" && key === accountId)
        .map(({ data }) => data.notice);
    },
    close: () => user.close(),
  };
}

export type OperatorWorld = Awaited<ReturnType<typeof startOperatorWorld>>;
