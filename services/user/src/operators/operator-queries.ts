import { type OperatedAccount, operatorRole } from "@sotto/contracts/operator-api";
import { type AccountState, accountState } from "@sotto/contracts/user-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { sql, type Transaction } from "kysely";
import type { PrefixRange } from "../accounts/prefix-range.ts";

type Tx = Transaction<AccountDatabase>;

export type Actor = Pick<OperatedAccount, "accountId" | "username" | "role" | "state">;

export async function findActor(
  db: Executor<AccountDatabase>,
  accountId: string,
): Promise<Actor | undefined> {
  const row = await db
    .selectFrom("account")
    .select(["account_id", "username", "operator_role", "state"])
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  return row && toActor(row);
}

/** Locks them in the order of their ids, so that two operators who act on each other do not wait for ever. */
export async function lockActors(tx: Tx, accountIds: readonly string[]): Promise<Map<string, Actor>> {
  const rows = await tx
    .selectFrom("account")
    .select(["account_id", "username", "operator_role", "state"])
    .where("account_id", "in", accountIds)
    .orderBy("account_id")
    .forNoKeyUpdate()
    .execute();
  return new Map(rows.map((row) => [row.account_id, toActor(row)]));
}

export async function findActorByName(tx: Tx, username: string): Promise<Actor | undefined> {
  const row = await tx
    .selectFrom("account")
    .select(["account_id", "username", "operator_role", "state"])
    .where("username", "=", username)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row && toActor(row);
}

/** First key of the two-key advisory locks of operators; used for nothing else in this database. */
const OPERATOR_LOCK_CLASS = 5081;

/** Until the transaction ends: who takes the role of an administrator away does so alone. */
export async function lockRoles(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${OPERATOR_LOCK_CLASS}::int, 0)`.execute(tx);
}

/** Until the transaction ends: the views of one operator are written down one after the other. */
export async function lockViews(tx: Tx, operatorId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${OPERATOR_LOCK_CLASS}::int, hashtext(${operatorId}))`.execute(tx);
}

/** Whether another account than this one is an active administrator; by the index account_operator. */
export async function hasOtherAdministrator(tx: Tx, accountId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("account")
    .select("account_id")
    .where("operator_role", "=", "administrator")
    .where("state", "=", "active")
    .where("account_id", "<>", accountId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateRole(tx: Tx, accountId: string, role: OperatedAccount["role"]): Promise<void> {
  await tx.updateTable("account").set({ operator_role: role }).where("account_id", "=", accountId).execute();
}

/** `suspendedReason` is there when the state is `suspended`, and only then. */
export async function updateState(
  tx: Tx,
  accountId: string,
  change: { state: "active" | "suspended"; suspendedReason: string | null; at: Date },
): Promise<void> {
  await tx
    .updateTable("account")
    .set({
      state: change.state,
      state_since: change.at,
      deletes_at: null,
      suspended_reason: change.suspendedReason,
    })
    .where("account_id", "=", accountId)
    .execute();
}

/** How much of each kind there was. */
export async function deleteSecondFactors(
  tx: Tx,
  accountId: string,
): Promise<{ totp: number; recoveryCodes: number; passkeys: number }> {
  const deleteFrom = async (table: "totp" | "recovery_code" | "passkey") => {
    const { numDeletedRows } = await tx
      .deleteFrom(table)
      .where("account_id", "=", accountId)
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  };
  return {
    totp: await deleteFrom("totp"),
    recoveryCodes: await deleteFrom("recovery_code"),
    passkeys: await deleteFrom("passkey"),
  };
}

/**
 * Writes one entry for each account, with its id, but for those that have one of this type by this operator since then;
 * by the index audit_entry_of_account. `sinceId`: the smallest id (UUIDv7) that an entry made since then can have.
 */
export async function insertViews(
  tx: Tx,
  views: readonly { accountId: string; auditId: string }[],
  by: {
    type: "operator-viewed" | "operator-audit-viewed";
    operatorId: string;
    at: Date;
    since: Date;
    sinceId: string;
    address: string | null;
    sessionId: string | null;
  },
): Promise<void> {
  await sql`
    insert into audit_entry (audit_id, account_id, type, at, actor_account_id, address, session_id, details)
    select v.audit_id, v.account_id, ${by.type}, ${by.at}, ${by.operatorId}, ${by.address}::inet, ${by.sessionId}, '{}'
    from unnest(${views.map((view) => view.auditId)}::uuid[], ${views.map((view) => view.accountId)}::uuid[])
      v (audit_id, account_id)
    where not exists (
      select from audit_entry e
      where e.account_id = v.account_id and e.audit_id >= ${by.sinceId} and e.at > ${by.since}
        and e.type = ${by.type} and e.actor_account_id = ${by.operatorId}
    )`.execute(tx);
}

const operated = (db: Executor<AccountDatabase>, usedSince: Date) =>
  db
    .selectFrom("account as a")
    .select([
      "a.account_id",
      "a.username",
      "a.display_name",
      "a.email",
      "a.email_verified_at",
      "a.language",
      "a.created_at",
      "a.state",
      "a.state_since",
      "a.deletes_at",
      "a.suspended_reason",
      "a.operator_role",
    ])
    .select((of) => [
      of
        .exists(
          of
            .selectFrom("totp")
            .select("totp.account_id")
            .whereRef("totp.account_id", "=", "a.account_id")
            .where("totp.confirmed_at", "is not", null),
        )
        .as("has_totp"),
      of
        .selectFrom("passkey")
        .select((count) => count.fn.countAll<number>().as("passkeys"))
        .whereRef("passkey.account_id", "=", "a.account_id")
        .as("passkeys"),
      of
        .selectFrom("session")
        .select((count) => count.fn.countAll<number>().as("sessions"))
        .whereRef("session.account_id", "=", "a.account_id")
        .where("session.revoked_at", "is", null)
        .where("session.last_used_at", ">=", usedSince)
        .as("sessions"),
      of
        .selectFrom("session")
        .select((latest) => latest.fn.max("session.last_used_at").as("last_seen_at"))
        .whereRef("session.account_id", "=", "a.account_id")
        .as("last_seen_at"),
    ]);

export async function findOperatedAccount(
  db: Executor<AccountDatabase>,
  accountId: string,
  usedSince: Date,
): Promise<OperatedAccount | undefined> {
  const row = await operated(db, usedSince).where("a.account_id", "=", accountId).executeTakeFirst();
  return row && toOperated(row);
}

export type OperatedPage = {
  range: PrefixRange | undefined;
  state: AccountState | undefined;
  after: string | undefined;
  limit: number;
};

/** In the order of their names; by the index account_username_unique, or account_not_active when a state is asked for. */
export async function listOperatedAccounts(
  db: Executor<AccountDatabase>,
  { range, state, after, limit }: OperatedPage,
  usedSince: Date,
): Promise<OperatedAccount[]> {
  const rows = await operated(db, usedSince)
    .$if(range !== undefined, (query) =>
      query
        .where("a.username", ">=", (range as PrefixRange).from)
        .where("a.username", "<", (range as PrefixRange).before),
    )
    .$if(state !== undefined, (query) => query.where("a.state", "=", state as AccountState))
    .$if(after !== undefined, (query) => query.where("a.username", ">", after as string))
    .orderBy("a.username")
    .limit(limit)
    .execute();
  return rows.map(toOperated);
}

type ActorRow = { account_id: string; username: string; operator_role: string | null; state: string };

function toActor(row: ActorRow): Actor {
  return {
    accountId: row.account_id,
    username: row.username,
    role: operatorRole.nullable().parse(row.operator_role),
    state: accountState.parse(row.state),
  };
}

type OperatedRow = ActorRow & {
  display_name: string | null;
  email: string;
  email_verified_at: Date | null;
  language: string | null;
  created_at: Date;
  state_since: Date;
  deletes_at: Date | null;
  suspended_reason: string | null;
  has_totp: unknown;
  passkeys: number | null;
  sessions: number | null;
  last_seen_at: Date | null;
};

function toOperated(row: OperatedRow): OperatedAccount {
  return {
    ...toActor(row),
    displayName: row.display_name,
    email: row.email,
    emailVerified: row.email_verified_at !== null,
    language: row.language,
    createdAt: row.created_at.toISOString(),
    stateSince: row.state_since.toISOString(),
    deletesAt: row.deletes_at?.toISOString() ?? null,
    suspendedReason: row.suspended_reason,
    hasTotp: row.has_totp === true,
    passkeys: row.passkeys ?? 0,
    sessions: row.sessions ?? 0,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
  };
}
