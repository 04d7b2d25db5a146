import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChain } from "../sessions/refresh-chain.ts";
import { insertSession } from "../sessions/session-queries.ts";
import { doChore } from "../start-chores.ts";
import { PASSWORD, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";
import { forgetExpired } from "./forget-expired.ts";
import { lowestUuidv7 } from "./lowest-uuidv7.ts";
import { createSessionSweep } from "./sweep-sessions.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp({ env: { AUDIT_DAYS: "90" } });
});
afterAll(() => user.close());

const DAY_MS = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => new Date(user.clock.now().getTime() - days * DAY_MS);

async function count(table: string): Promise<number> {
  const { rows } = await user.owner.query(`select count(*)::int from account.${table}`);
  return rows[0].count;
}

const forget = () => doChore(user.context, { name: "forgetting", batch: forgetExpired });

test("the audit log forgets what is older than its days, however much it is, and keeps the rest", async () => {
  const { accountId } = await user.register("alice");
  await user.owner.query("delete from account.audit_entry");
  const add = (at: Date, many: number) =>
    user.owner.query(
      `insert into account.audit_entry (audit_id, account_id, type, at, details)
       select overlay($1::text placing lpad(to_hex(n), 12, '0') from 25)::uuid, $2, 'signed-in', $3, '{}'
       from generate_series(1, $4::int) n`,
      [lowestUuidv7(at), accountId, at, many],
    );
  await add(daysAgo(91), 2500);
  await add(daysAgo(89), 3);
  await add(user.clock.now(), 1);
  await forget();
  const { rows } = await user.owner.query("select count(*)::int, min(at) as oldest from account.audit_entry");
  expect(rows[0]).toEqual({ count: 4, oldest: daysAgo(89) });
});

test("used challenges, links and limits go when they have expired, and not before", async () => {
  const { accountId } = await user.register("bob");
  await user.owner.query("delete from account.rate_limit");
  await user.owner.query("delete from account.mail_token");
  for (const [days, purpose] of [
    [1, "verify-email"],
    [-1, "reset-password"],
  ] as const) {
    const at = daysAgo(days);
    await user.owner.query("insert into account.used_challenge values ($1, $2)", [randomUUID(), at]);
    await user.owner.query("insert into account.rate_limit values ($1, 1, $2)", [purpose, at.getTime()]);
    await user.owner.query("insert into account.mail_token values ($1, $2, $3, 'a@example.org', $4)", [
      accountId,
      purpose,
      Buffer.from(purpose),
      at,
    ]);
  }
  await forget();
  for (const table of ["used_challenge", "rate_limit", "mail_token"]) expect(await count(table)).toBe(1);
  const { rows } = await user.owner.query("select purpose from account.mail_token");
  expect(rows).toEqual([{ purpose: "reset-password" }]);
});

test("ended sessions go when no token of theirs lives, batch by batch, and living ones stay", async () => {
  await user.owner.query("delete from account.session");
  const alice = toRegistered(
    await (await user.post("/sign-in", { body: { username: "alice", password: PASSWORD } })).json(),
  );
  const add = async (lastUsed: Date, revoked: Date | null) => {
    const sessionId = user.context.ids.uuidv7();
    await insertSession(user.context.db, {
      sessionId,
      accountId: alice.accountId,
      refreshKey: Buffer.alloc(32),
      chain: startChain(Buffer.alloc(32)),
      client: null,
      at: lastUsed,
    });
    await user.owner.query("update account.session set revoked_at = $2 where session_id = $1", [
      sessionId,
      revoked,
    ]);
    return sessionId;
  };
  const minutesAgo = (minutes: number) => new Date(user.clock.now().getTime() - minutes * 60_000);
  const kept = [alice.sessionId, await add(daysAgo(59), null), await add(daysAgo(1), minutesAgo(9))];
  for (let made = 0; made < 5; made++) {
    await add(daysAgo(61), null);
    await add(daysAgo(1), minutesAgo(11));
  }
  await doChore(user.context, { name: "sweep", batch: createSessionSweep(3) });
  const { rows } = await user.owner.query("select session_id from account.session order by session_id");
  expect(rows.map((row) => row.session_id)).toEqual(kept.sort());
});

test("a session that is refreshed while the sweep looks at it stays", async () => {
  await user.owner.query("delete from account.session");
  const { sessionId } = await user.register("carol");
  await user.owner.query("update account.session set last_used_at = $1", [daysAgo(61)]);
  await user.owner.query("begin");
  await user.owner.query("update account.session set last_used_at = $1", [user.clock.now()]);
  await doChore(user.context, { name: "sweep", batch: createSessionSweep() });
  await user.owner.query("commit");
  const { rows } = await user.owner.query("select session_id from account.session");
  expect(rows).toEqual([{ session_id: sessionId }]);
});

test("of several services at once one does a chore", async () => {
  let batches = 0;
  const goOn = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const chore = {
    name: "counting",
    batch: async () => {
      batches += 1;
      started.resolve();
      await goOn.promise;
      return false;
    },
  };
  const first = doChore(user.context, chore);
  await started.promise;
  await doChore(user.context, chore);
  expect(batches).toBe(1);
  goOn.resolve();
  await first;
  await doChore(user.context, chore);
  expect(batches).toBe(2);
});

test("a stop ends a chore after its batch", async () => {
  const stopping = new AbortController();
  let batches = 0;
  await doChore(
    user.context,
    {
      name: "endless",
      batch: async () => {
        batches += 1;
        if (batches === 3) stopping.abort();
        return true;
      },
    },
    stopping.signal,
  );
  expect(batches).toBe(3);
});
