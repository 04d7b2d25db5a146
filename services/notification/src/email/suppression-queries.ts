import type { Executor } from "@sotto/platform/db";
import type { NotifyDatabase, SuppressedAddress } from "@sotto/platform/db-types/notify";
import type { Selectable } from "kysely";

type Db = Executor<NotifyDatabase>;
export type Suppression = Selectable<SuppressedAddress>;

/** Mail servers may tell `Alice@` from `alice@` (RFC 5321 section 2.4); none that is in use does. */
const folded = (address: string): string => address.toLowerCase();

export function findSuppression(db: Db, address: string): Promise<Suppression | undefined> {
  return db
    .selectFrom("suppressed_address")
    .selectAll()
    .where("address", "=", folded(address))
    .executeTakeFirst();
}

/** The first reason stays. */
export async function insertSuppression(db: Db, { address, ...why }: Suppression): Promise<void> {
  await db
    .insertInto("suppressed_address")
    .values({ address: folded(address), ...why })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function deleteSuppression(db: Db, address: string): Promise<void> {
  await db.deleteFrom("suppressed_address").where("address", "=", folded(address)).execute();
}

/** By the index suppressed_address_since. */
export async function pruneSuppressions(db: Db, before: Date): Promise<void> {
  await db.deleteFrom("suppressed_address").where("since", "<", before).execute();
}
