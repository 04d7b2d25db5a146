import type { Audience } from "@sotto/contracts/people-api";
import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql } from "kysely";

/** How an account stands to another that it wants something of. */
export type Standing = {
  /** The other has registered a device, that is, it can be written to. */
  readonly exists: boolean;
  /** Whose first messages the other takes; null when it has not said. */
  readonly whoMayWriteFirst: Audience | null;
  readonly isContact: boolean;
  /** The account has blocked the other. */
  readonly isBlocking: boolean;
  /** The other has blocked the account, which must not notice. */
  readonly isBlocked: boolean;
};

/** By primary keys alone. */
export async function getStanding(
  db: Executor<ChatDatabase>,
  accountId: string,
  otherAccountId: string,
): Promise<Standing> {
  const { rows } = await sql<Standing>`
    select
      exists (select from chat.account a where a.account_id = t.other) as "exists",
      (select p.who_may_write_first from chat.privacy p where p.account_id = t.other) as "whoMayWriteFirst",
      exists (
        select from chat.contact c
        where c.low = least(t.own, t.other) and c.high = greatest(t.own, t.other) and c.accepted_at is not null
      ) as "isContact",
      exists (
        select from chat.block b where b.account_id = t.own and b.blocked_account_id = t.other
      ) as "isBlocking",
      exists (
        select from chat.block b where b.account_id = t.other and b.blocked_account_id = t.own
      ) as "isBlocked"
    from (select ${accountId}::uuid as own, ${otherAccountId}::uuid as other) t`.execute(db);
  return rows[0] as Standing;
}
