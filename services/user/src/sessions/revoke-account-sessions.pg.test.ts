import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";
import { startChain } from "./refresh-chain.ts";
import { revokeAccountSessions } from "./revoke-account-sessions.ts";
import { insertSession, lockAccount } from "./session-queries.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const revoke = (which: { accountId: string; exceptSessionId?: string }) =>
  user.context.db.transaction().execute((tx) => revokeAccountSessions(tx, user.context, which));

const signIn = async (username: string) =>
  toRegistered(await (await user.post("/sign-in", { body: { username, password: PASSWORD } })).json());

const revokedSessions = async (accountId: string) =>
  (await user.events())
    .filter(({ type, key }) => type === "user.session-revoked" && key === accountId)
    .map(({ data }) => data.sessionId);

async function liveSessions(accountId: string): Promise<number> {
  const { rows } = await user.owner.query(
    "select count(*)::int from account.session where account_id = $1 and revoked_at is null",
    [accountId],
  );
  return rows[0].count;
}

const newRow = (accountId: string) => ({
  sessionId: user.context.ids.uuidv7(),
  accountId,
  refreshKey: Buffer.alloc(32),
  chain: startChain(Buffer.alloc(32)),
  client: null,
  at: user.clock.now(),
});

test("all sessions of an account end but the one that is spared, each is told once, and nobody else's end", async () => {
  const first = await user.register("alice");
  const { accountId } = first;
  const second = await signIn("alice");
  const third = await signIn("alice");
  const other = await user.register("bob");
  expect(await revoke({ accountId, exceptSessionId: second.sessionId })).toBe(2);
  const told = await revokedSessions(accountId);
  expect(told.sort()).toEqual([first.sessionId, third.sessionId].sort());
  expect((await user.get("/me", { token: first.accessToken })).status).toBe(401);
  expect((await user.get("/me", { token: second.accessToken })).status).toBe(200);
  expect((await user.get("/me", { token: other.accessToken })).status).toBe(200);
  expect(await revoke({ accountId, exceptSessionId: second.sessionId })).toBe(0);
  expect(await revoke({ accountId })).toBe(1);
  expect(await revokedSessions(accountId)).toHaveLength(3);
});

test("a session that is started at the same time ends too, or starts after", async () => {
  const { accountId } = await user.register("carol");
  const started = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const starting = user.context.db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    started.resolve();
    await goOn.promise;
    await insertSession(tx, newRow(accountId));
  });
  await started.promise;
  const revoking = revoke({ accountId });
  await expect
    .poll(async () => {
      const { rows } = await user.owner.query(
        "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows[0].count;
    })
    .toBe(1);
  goOn.resolve();
  await starting;
  expect(await revoking).toBe(2);
  expect(await liveSessions(accountId)).toBe(0);
});

test("of two that revoke at once each session is told by one", async () => {
  const { accountId } = await user.register("dora");
  await signIn("dora");
  const counts = await Promise.all(Array.from({ length: 4 }, () => revoke({ accountId })));
  expect(counts.sort()).toEqual([0, 0, 0, 2]);
  expect(await revokedSessions(accountId)).toHaveLength(2);
});

test("many sessions are told of in several rows, so that none grows without bound", async () => {
  const { accountId } = await user.register("erin");
  for (let made = 0; made < 500; made++) await insertSession(user.context.db, newRow(accountId));
  expect(await revoke({ accountId })).toBe(501);
  expect(await revokedSessions(accountId)).toHaveLength(501);
  const { rows } = await user.owner.query(
    "select max(jsonb_array_length(events)) as longest from outbox.event",
  );
  expect(rows[0].longest).toBe(500);
});
