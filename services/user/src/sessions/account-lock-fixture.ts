import { Client } from "pg";
import { expect } from "vitest";
import type { UserApp } from "../user-app-fixture.ts";

/** Runs `change` while `request`, which has read the account, waits for its lock. */
export async function changeMeanwhile(
  user: UserApp,
  username: string,
  request: () => Promise<Response>,
  change: () => Promise<unknown>,
): Promise<Response> {
  const watcher = new Client({ connectionString: user.databaseUrl });
  await watcher.connect();
  await user.owner.query("begin");
  await user.owner.query("select from account.account where username = $1 for update", [username]);
  const answer = request();
  const countWaiting = async () => {
    const { rows } = await watcher.query(
      "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows[0].count;
  };
  await expect.poll(countWaiting, { timeout: 15_000 }).toBe(1);
  await change();
  await user.owner.query("commit");
  await watcher.end();
  return answer;
}
