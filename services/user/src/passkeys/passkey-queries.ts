import type { Passkey } from "@sotto/contracts/second-factor-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";

export type StoredPasskey = {
  readonly passkeyId: string;
  readonly accountId: string;
  readonly credentialId: Buffer;
  /** COSE (RFC 9052). */
  readonly publicKey: Buffer;
  readonly signCount: number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly backedUp: boolean;
};

export async function insertPasskey(
  tx: Transaction<AccountDatabase>,
  passkey: StoredPasskey & { createdAt: Date },
): Promise<void> {
  await tx
    .insertInto("passkey")
    .values({
      passkey_id: passkey.passkeyId,
      account_id: passkey.accountId,
      credential_id: passkey.credentialId,
      public_key: passkey.publicKey,
      sign_count: passkey.signCount,
      transports: [...passkey.transports],
      name: passkey.name,
      backed_up: passkey.backedUp,
      created_at: passkey.createdAt,
    })
    .execute();
}

const SHOWN_COLUMNS = ["passkey_id", "name", "backed_up", "created_at", "last_used_at"] as const;

/** Oldest first. */
export async function listPasskeys(db: Executor<AccountDatabase>, accountId: string): Promise<Passkey[]> {
  const rows = await db
    .selectFrom("passkey")
    .select(SHOWN_COLUMNS)
    .where("account_id", "=", accountId)
    .orderBy("passkey_id")
    .execute();
  return rows.map(toPasskey);
}

export type CredentialDescriptor = { readonly credentialId: Buffer; readonly transports: readonly string[] };

/** Oldest first. */
export async function listCredentials(
  db: Executor<AccountDatabase>,
  accountId: string,
): Promise<CredentialDescriptor[]> {
  const rows = await db
    .selectFrom("passkey")
    .select(["credential_id", "transports"])
    .where("account_id", "=", accountId)
    .orderBy("passkey_id")
    .execute();
  return rows.map((row) => ({ credentialId: row.credential_id, transports: row.transports }));
}

export async function findPasskeyByCredential(
  db: Executor<AccountDatabase>,
  credentialId: Buffer,
): Promise<StoredPasskey | undefined> {
  const row = await db
    .selectFrom("passkey")
    .selectAll()
    .where("credential_id", "=", credentialId)
    .executeTakeFirst();
  return (
    row && {
      passkeyId: row.passkey_id,
      accountId: row.account_id,
      credentialId: row.credential_id,
      publicKey: row.public_key,
      signCount: row.sign_count,
      transports: row.transports,
      name: row.name,
      backedUp: row.backed_up,
    }
  );
}

/**
 * Notes a use. False when the passkey is gone, or its counter did not grow: of two answers with one counter the second
 * is refused. Authenticators that count nothing send 0 for ever.
 */
export async function updatePasskeyUse(
  tx: Transaction<AccountDatabase>,
  use: { passkeyId: string; signCount: number; backedUp: boolean; at: Date },
): Promise<boolean> {
  const row = await tx
    .updateTable("passkey")
    .set({ sign_count: use.signCount, backed_up: use.backedUp, last_used_at: use.at })
    .where("passkey_id", "=", use.passkeyId)
    .where((where) =>
      where.or([
        where("sign_count", "<", use.signCount),
        where.and([where("sign_count", "=", 0), where.val(use.signCount === 0)]),
      ]),
    )
    .returning("passkey_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Undefined when the account has no such passkey. */
export async function updatePasskeyName(
  tx: Transaction<AccountDatabase>,
  { accountId, passkeyId, name }: { accountId: string; passkeyId: string; name: string },
): Promise<Passkey | undefined> {
  const row = await tx
    .updateTable("passkey")
    .set({ name })
    .where("passkey_id", "=", passkeyId)
    .where("account_id", "=", accountId)
    .returning(SHOWN_COLUMNS)
    .executeTakeFirst();
  return row && toPasskey(row);
}

/** False when the account has no such passkey. */
export async function deletePasskey(
  tx: Transaction<AccountDatabase>,
  { accountId, passkeyId }: { accountId: string; passkeyId: string },
): Promise<boolean> {
  const row = await tx
    .deleteFrom("passkey")
    .where("passkey_id", "=", passkeyId)
    .where("account_id", "=", accountId)
    .returning("passkey_id")
    .executeTakeFirst();
  return row !== undefined;
}

export async function countPasskeys(db: Executor<AccountDatabase>, accountId: string): Promise<number> {
  const row = await db
    .selectFrom("passkey")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return row.count;
}

type PasskeyRow = {
  passkey_id: string;
  name: string;
  backed_up: boolean;
  created_at: Date;
  last_used_at: Date | null;
};

function toPasskey(row: PasskeyRow): Passkey {
  return {
    passkeyId: row.passkey_id,
    name: row.name,
    backedUp: row.backed_up,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}
