import type { Device, RegisterDeviceRequest } from "@sotto/contracts/device-api";
import { limits } from "@sotto/contracts/limits";
import { AppError } from "@sotto/platform/app-error";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { appendEvents } from "@sotto/platform/outbox";
import type { Caller } from "@sotto/platform/token-verifier";
import type { Transaction } from "kysely";
import { accountDeleted } from "../accounts/assert-living.ts";
import { listDeleted } from "../accounts/deletion-queries.ts";
import { lockDeviceSet } from "./account-lock.ts";
import { advanceDeviceList } from "./advance-device-list.ts";
import { assertNotRevoked } from "./assert-not-revoked.ts";
import type { DeviceContext } from "./device-context.ts";
import { listConflict } from "./device-list.ts";
import {
  type Db,
  type DeviceRow,
  findAccount,
  findDevice,
  insertDevice,
  listDevices,
  toListedDevice,
  toListHead,
} from "./device-queries.ts";
import {
  insertDeviceKeys,
  replaceOneTimeKemPrekeys,
  replaceOneTimePrekeys,
  toLastResortColumns,
  toSignedKeyColumns,
} from "./prekey-queries.ts";
import { highestKeyId } from "./prekey-replacement.ts";
import { hashRequest } from "./sha256.ts";
import { type Registration, verifyRegistration } from "./verify-registration.ts";

type RegisterContext = Pick<DeviceContext, "db" | "clock" | "ids" | "limits">;

/**
 * Adds a device to the caller's account, with its keys and the device list that names it, and binds it to the caller's
 * session. The first device pins the account key for ever. An identical repeat changes nothing and gets the same answer.
 * @throws AppError `invalid_signature`, `bad_request`, `device_exists`, `device_limit`, `device_list_conflict`, `rate_limited`,
 * `unavailable`, `session_revoked`, also when the account has been deleted.
 */
export async function registerDevice(
  context: RegisterContext,
  caller: Caller,
  request: RegisterDeviceRequest,
): Promise<Device> {
  const requestHash = await hashRequest(request);
  const { accountId } = caller;
  // Before the signatures, which cost the most; looked at again under the lock.
  const repeated = await findRepeat(context.db, accountId, request.deviceId, requestHash);
  if (repeated) return answer(repeated);
  assertRoom(await listDevices(context.db, accountId));
  const registration = await verifyRegistration(accountId, request);
  // After the signatures: who has no account key must not use up what the owner may do.
  await context.limits.take("device-change.account", `add ${accountId}`);
  return context.db.transaction().execute(async (tx) => {
    await lockDeviceSet(tx, accountId);
    await assertNotRevoked(tx, caller.sessionId);
    const stored = await findRepeat(tx, accountId, request.deviceId, requestHash);
    return answer(stored ?? (await storeRegistration(tx, context, caller, registration)));
  });
}

async function findRepeat(
  db: Db,
  accountId: string,
  deviceId: string,
  requestHash: Buffer,
): Promise<DeviceRow | undefined> {
  const device = await findDevice(db, deviceId);
  if (!device) return undefined;
  if (device.account_id === accountId && device.request_hash.equals(requestHash)) return device;
  throw deviceExists();
}

/** Also what a broken `device_id_unique` means: two accounts registered one id at the same moment. */
export function deviceExists(): AppError {
  return new AppError("device_exists", "There is a device with this id already.");
}

function assertRoom(devices: readonly DeviceRow[]): void {
  if (devices.length < limits.devicesPerAccount) return;
  throw new AppError("device_limit", "The account has as many devices as it can have.", {
    details: { devices: limits.devicesPerAccount },
  });
}

/** `lastSeenAt` is that of the registration, so that a repeat gets the same answer. */
function answer(device: DeviceRow): Device {
  const createdAt = device.created_at.toISOString();
  return {
    deviceId: device.device_id,
    registrationId: device.registration_id,
    createdAt,
    lastSeenAt: createdAt,
  };
}

async function storeRegistration(
  tx: Transaction<ChatDatabase>,
  context: RegisterContext,
  caller: Caller,
  registration: Registration,
): Promise<DeviceRow> {
  const { accountId, sessionId } = caller;
  const { deviceId, accountKey, list } = registration;
  const now = context.clock.now();
  if ((await listDeleted(tx, [accountId])).length > 0) throw accountDeleted();
  const account = await findAccount(tx, accountId);
  if (account && !account.account_key.equals(accountKey))
    throw listConflict("The account has another account key.", toListHead(account));
  const devices = await listDevices(tx, accountId);
  assertRoom(devices);
  const device: DeviceRow = {
    account_id: accountId,
    device_id: deviceId,
    registration_id: registration.registrationId,
    identity_key: registration.identityKey,
    session_id: sessionId,
    request_hash: registration.requestHash,
    gap_at: null,
    created_at: now,
    last_seen_at: now,
  };
  const resulting = [...devices, device].map(toListedDevice);
  await advanceDeviceList(tx, { accountId, accountKey, head: toListHead(account) }, list, resulting, now);
  await insertDevice(tx, device);
  await insertKeys(tx, registration);
  await appendEvents(tx, context, [
    { type: "chat.device-added", key: accountId, data: { accountId, deviceId, first: devices.length === 0 } },
  ]);
  return device;
}

async function insertKeys(tx: Transaction<ChatDatabase>, registration: Registration): Promise<void> {
  const { deviceId, keys } = registration;
  await insertDeviceKeys(tx, {
    device_id: deviceId,
    ...toSignedKeyColumns(keys.signedPrekey),
    ...toLastResortColumns(keys.lastResortKemPrekey),
    one_time_highest_id: highestKeyId(keys.oneTimePrekeys, 0),
    one_time_kem_highest_id: highestKeyId(keys.oneTimeKemPrekeys, 0),
    one_time_hash: registration.oneTimeHash,
    one_time_kem_hash: registration.oneTimeKemHash,
  });
  await replaceOneTimePrekeys(tx, deviceId, keys.oneTimePrekeys);
  await replaceOneTimeKemPrekeys(tx, deviceId, keys.oneTimeKemPrekeys);
}
