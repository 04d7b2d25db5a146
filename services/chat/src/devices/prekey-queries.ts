import type { PrekeyStock } from "@sotto/contracts/device-api";
import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { type Insertable, type Selectable, sql, type Updateable } from "kysely";
import type { PlainKey, SignedKey } from "./key-parts.ts";

type Db = Executor<ChatDatabase>;
export type DeviceKeysRow = Selectable<ChatDatabase["device_keys"]>;

/** Columns of a signed prekey. */
export function toSignedKeyColumns({ keyId, publicKey, signature }: SignedKey) {
  return { signed_key_id: keyId, signed_key: publicKey, signed_key_signature: signature };
}

/** Columns of a last-resort key; its uses are counted from zero. */
export function toLastResortColumns({ keyId, publicKey, signature }: SignedKey) {
  return {
    last_resort_key_id: keyId,
    last_resort_key: publicKey,
    last_resort_signature: signature,
    last_resort_used: 0,
  };
}

export async function insertDeviceKeys(db: Db, row: Insertable<ChatDatabase["device_keys"]>): Promise<void> {
  await db.insertInto("device_keys").values(row).execute();
}

export function findDeviceKeys(db: Db, deviceId: string): Promise<DeviceKeysRow | undefined> {
  return db.selectFrom("device_keys").selectAll().where("device_id", "=", deviceId).executeTakeFirst();
}

/** Two uploads of one device wait for each other here; claims do not take this lock. */
export function lockDeviceKeys(db: Db, deviceId: string): Promise<DeviceKeysRow | undefined> {
  return db
    .selectFrom("device_keys")
    .selectAll()
    .where("device_id", "=", deviceId)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

export async function updateDeviceKeys(
  db: Db,
  deviceId: string,
  changes: Updateable<ChatDatabase["device_keys"]>,
): Promise<void> {
  await db.updateTable("device_keys").set(changes).where("device_id", "=", deviceId).execute();
}

export function listOneTimePrekeys(db: Db, deviceId: string): Promise<PlainKey[]> {
  return db
    .selectFrom("one_time_prekey")
    .select(["key_id as keyId", "public_key as publicKey"])
    .where("device_id", "=", deviceId)
    .execute();
}

export function listOneTimeKemPrekeys(db: Db, deviceId: string): Promise<PlainKey[]> {
  return db
    .selectFrom("one_time_kem_prekey")
    .select(["key_id as keyId", "public_key as publicKey"])
    .where("device_id", "=", deviceId)
    .execute();
}

export async function replaceOneTimePrekeys(
  db: Db,
  deviceId: string,
  keys: readonly PlainKey[],
): Promise<void> {
  await db.deleteFrom("one_time_prekey").where("device_id", "=", deviceId).execute();
  if (keys.length === 0) return;
  const rows = keys.map(({ keyId, publicKey }) => ({
    device_id: deviceId,
    key_id: keyId,
    public_key: publicKey,
  }));
  await db.insertInto("one_time_prekey").values(rows).execute();
}

export async function replaceOneTimeKemPrekeys(
  db: Db,
  deviceId: string,
  keys: readonly SignedKey[],
): Promise<void> {
  await db.deleteFrom("one_time_kem_prekey").where("device_id", "=", deviceId).execute();
  if (keys.length === 0) return;
  const rows = keys.map(({ keyId, publicKey, signature }) => ({
    device_id: deviceId,
    key_id: keyId,
    public_key: publicKey,
    signature,
  }));
  await db.insertInto("one_time_kem_prekey").values(rows).execute();
}

export type ClaimedRow = {
  device_id: string;
  registration_id: number;
  identity_key: Buffer;
  signed_key_id: number;
  signed_key: Buffer;
  signed_key_signature: Buffer;
  one_time_key_id: number | null;
  one_time_key: Buffer | null;
  kem_key_id: number;
  kem_key: Buffer;
  kem_signature: Buffer;
  kem_is_last_resort: boolean;
};

/**
 * Takes one key of each kind for each of these devices of the account, in one statement.
 * A key whose row another claim has locked is skipped, and a deleted row is returned to one deleter only: no key is
 * handed out twice. Keys leave in the order of their ids. MATERIALIZED: the choice must be made once per device.
 * It waits for no lock, so it cannot take part in a deadlock.
 */
export async function takePrekeys(
  db: Db,
  accountId: string,
  deviceIds: readonly string[],
): Promise<ClaimedRow[]> {
  const { rows } = await sql<ClaimedRow>`
    with target as materialized (
      select d.device_id, d.registration_id, d.identity_key,
             k.signed_key_id, k.signed_key, k.signed_key_signature,
             k.last_resort_key_id, k.last_resort_key, k.last_resort_signature
        from device d join device_keys k using (device_id)
       where d.account_id = ${accountId} and d.device_id = any(${[...deviceIds]}::uuid[])
    ), ec_choice as materialized (
      select t.device_id, o.key_id from target t cross join lateral (
        select key_id from one_time_prekey where device_id = t.device_id
         order by key_id limit 1 for update skip locked) o
    ), kem_choice as materialized (
      select t.device_id, o.key_id from target t cross join lateral (
        select key_id from one_time_kem_prekey where device_id = t.device_id
         order by key_id limit 1 for update skip locked) o
    ), ec as (
      delete from one_time_prekey o using ec_choice c
       where o.device_id = c.device_id and o.key_id = c.key_id
      returning o.device_id, o.key_id, o.public_key
    ), kem as (
      delete from one_time_kem_prekey o using kem_choice c
       where o.device_id = c.device_id and o.key_id = c.key_id
      returning o.device_id, o.key_id, o.public_key, o.signature
    )
    select t.device_id, t.registration_id, t.identity_key,
           t.signed_key_id, t.signed_key, t.signed_key_signature,
           ec.key_id as one_time_key_id, ec.public_key as one_time_key,
           coalesce(kem.key_id, t.last_resort_key_id) as kem_key_id,
           coalesce(kem.public_key, t.last_resort_key) as kem_key,
           coalesce(kem.signature, t.last_resort_signature) as kem_signature,
           kem.key_id is null as kem_is_last_resort
      from target t left join ec using (device_id) left join kem using (device_id)`.execute(db);
  return rows;
}

/** Counts a use of the last-resort key. One device per statement: no two counters are locked at once. */
export async function countLastResortUse(db: Db, deviceId: string, keyId: number): Promise<void> {
  await db
    .updateTable("device_keys")
    .set((eb) => ({ last_resort_used: eb("last_resort_used", "+", 1) }))
    .where("device_id", "=", deviceId)
    .where("last_resort_key_id", "=", keyId)
    .execute();
}

/** What is left of each device's keys, by device id. */
export async function listStocks(db: Db, deviceIds: readonly string[]): Promise<Map<string, PrekeyStock>> {
  const rows = await db
    .selectFrom("device_keys as k")
    .select((eb) => [
      "k.device_id",
      "k.last_resort_used",
      eb
        .selectFrom("one_time_prekey as o")
        .whereRef("o.device_id", "=", "k.device_id")
        .select((o) => o.fn.countAll<number>().as("n"))
        .as("ec"),
      eb
        .selectFrom("one_time_kem_prekey as o")
        .whereRef("o.device_id", "=", "k.device_id")
        .select((o) => o.fn.countAll<number>().as("n"))
        .as("kem"),
    ])
    .where("k.device_id", "in", [...deviceIds])
    .execute();
  return new Map(
    rows.map((row) => [
      row.device_id,
      { ec: row.ec ?? 0, kem: row.kem ?? 0, lastResortUsed: row.last_resort_used },
    ]),
  );
}
