import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import type { MailTokenPurpose } from "./mail-token.ts";

export type NewMailToken = {
  readonly accountId: string;
  readonly purpose: MailTokenPurpose;
  readonly hash: Buffer;
  /** The address that the link proves. */
  readonly email: string;
  readonly expiresAt: Date;
};

/** Stores a token in the place of the account's last one of this purpose. */
export async function putMailToken(tx: Transaction<AccountDatabase>, token: NewMailToken): Promise<void> {
  const values = { token_hash: token.hash, email: token.email, expires_at: token.expiresAt };
  await tx
    .insertInto("mail_token")
    .values({ account_id: token.accountId, purpose: token.purpose, ...values })
    .onConflict((conflict) => conflict.columns(["account_id", "purpose"]).doUpdateSet(values))
    .execute();
}

export type FoundMailToken = {
  readonly accountId: string;
  readonly purpose: MailTokenPurpose;
  readonly email: string;
};

type Sought = { hash: Buffer; purposes: readonly MailTokenPurpose[]; now: Date };

/** A token that has not expired; it stays where it is. */
export async function findMailToken(
  db: Executor<AccountDatabase>,
  { hash, purposes, now }: Sought,
): Promise<FoundMailToken | undefined> {
  const row = await db
    .selectFrom("mail_token")
    .select(["account_id", "purpose", "email"])
    .where("token_hash", "=", hash)
    .where("purpose", "in", purposes)
    .where("expires_at", ">", now)
    .executeTakeFirst();
  return row && toFound(row);
}

/** Uses a token up: of several who try at once one gets it. Lock the account before. */
export async function takeMailToken(
  tx: Transaction<AccountDatabase>,
  { hash, purposes, now }: Sought,
): Promise<FoundMailToken | undefined> {
  const row = await tx
    .deleteFrom("mail_token")
    .where("token_hash", "=", hash)
    .where("purpose", "in", purposes)
    .where("expires_at", ">", now)
    .returning(["account_id", "purpose", "email"])
    .executeTakeFirst();
  return row && toFound(row);
}

export async function deleteMailTokens(
  tx: Transaction<AccountDatabase>,
  accountId: string,
  purposes: readonly MailTokenPurpose[],
): Promise<void> {
  await tx
    .deleteFrom("mail_token")
    .where("account_id", "=", accountId)
    .where("purpose", "in", purposes)
    .execute();
}

function toFound(row: { account_id: string; purpose: string; email: string }): FoundMailToken {
  // The constraint mail_token_purpose_known admits no other.
  return { accountId: row.account_id, purpose: row.purpose as MailTokenPurpose, email: row.email };
}
