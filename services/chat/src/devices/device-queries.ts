import type { Executor } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { type Insertable, type Selectable, sql } from "kysely";
import type { ListedDevice, ListHead } from "./device-list.ts";

export type Db = Executor<ChatDatabase>;
export type DeviceRow = Selectable<ChatDatabase["device"]>;
export type AccountRow = Selectable<ChatDatabase["account"]>;

/** The newest list of an account as rules take it. */
export function toListHead(account: AccountRow): ListHead;
export function toListHead(account: AccountRow | undefined): ListHead | undefined;
export function toListHead(account: AccountRow | undefined): ListHead | undefined {
  return account && { version: account.list_version, hash: account.list_hash };
}

/** A device as a device list names it. */
export function toListedDevice(row: DeviceRow): ListedDevice {
  return { deviceId: row.device_id, identityKey: row.identity_key, registrationId: row.registration_id };
}

/** By its id, whoever owns it. */
export function findDevice(db: Db, deviceId: string): Promise<DeviceRow | undefined> {
  return db.selectFrom("device").selectAll().where("device_id", "=", deviceId).executeTakeFirst();
}

/** All devices of an account, oldest first. */
export function listDevices(db: Db, accountId: string): Promise<DeviceRow[]> {
  return db
    .selectFrom("device")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("created_at")
    .orderBy("device_id")
    .execute();
}

/** The devices of an account with when each was last here, oldest first. */
export function listDevicesSeen(db: Db, accountId: string) {
  return db
    .selectFrom("device as d")
    .leftJoin("presence as p", "p.device_id", "d.device_id")
    .select(["d.device_id", "d.registration_id", "d.created_at", "d.last_seen_at", "p.seen_at"])
    .where("d.account_id", "=", accountId)
    .orderBy("d.created_at")
    .orderBy("d.device_id")
    .execute();
}

export function findAccount(db: Db, accountId: string): Promise<AccountRow | undefined> {
  return db.selectFrom("account").selectAll().where("account_id", "=", accountId).executeTakeFirst();
}

/** Clients name versions up to 2^53, which as a plain parameter would not fit the column's type. */
function asBigint(version: number) {
  return sql<number>`${version}::bigint`;
}

/** The lists newer than version `since`, oldest first. */
export function listDeviceLists(db: Db, accountId: string, since: number) {
  return db
    .selectFrom("device_list")
    .select(["version", "bytes", "signature"])
    .where("account_id", "=", accountId)
    .where("version", ">", asBigint(since))
    .orderBy("version")
    .execute();
}

export function findDeviceList(db: Db, accountId: string, version: number) {
  return db
    .selectFrom("device_list")
    .select(["bytes"])
    .where("account_id", "=", accountId)
    .where("version", "=", asBigint(version))
    .executeTakeFirst();
}

export async function insertAccount(db: Db, row: Insertable<ChatDatabase["account"]>): Promise<void> {
  await db.insertInto("account").values(row).execute();
}

export async function insertDeviceList(db: Db, row: Insertable<ChatDatabase["device_list"]>): Promise<void> {
  await db.insertInto("device_list").values(row).execute();
}

export async function updateListHead(
  db: Db,
  accountId: string,
  head: { version: number; hash: Buffer },
): Promise<void> {
  await db
    .updateTable("account")
    .set({ list_version: head.version, list_hash: head.hash })
    .where("account_id", "=", accountId)
    .execute();
}

export async function insertDevice(db: Db, row: Insertable<ChatDatabase["device"]>): Promise<void> {
  await db.insertInto("device").values(row).execute();
}

/** With its mailbox, and by cascade with its keys. */
export async function deleteDevice(db: Db, deviceId: string): Promise<void> {
  await db.deleteFrom("envelope").where("device_id", "=", deviceId).execute();
  await db.deleteFrom("device").where("device_id", "=", deviceId).execute();
}

/** Hands a device to a session, when it still has the identity key that signed the proof. */
export async function updateDeviceSession(
  db: Db,
  device: Pick<DeviceRow, "device_id" | "identity_key">,
  session: { sessionId: string; seenAt: Date },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("device")
    .set({ session_id: session.sessionId, last_seen_at: session.seenAt })
    .where("device_id", "=", device.device_id)
    .where("identity_key", "=", device.identity_key)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}
