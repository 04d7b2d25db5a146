import type { Buffer } from "node:buffer";
import type { SignedDeviceList } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import { appendEvents } from "@sotto/platform/outbox";
import type { Caller } from "@sotto/platform/token-verifier";
import { lockDeviceSet } from "./account-lock.ts";
import { advanceDeviceList } from "./advance-device-list.ts";
import type { DeviceContext } from "./device-context.ts";
import { readDeviceList, type VerifiedDeviceList } from "./device-list.ts";
import {
  type Db,
  deleteDevice,
  findAccount,
  findDeviceList,
  listDevices,
  toListedDevice,
  toListHead,
} from "./device-queries.ts";

/**
 * Removes a device of the caller with its keys and its mailbox, puts the device list without it in force, and ends its
 * connections. The signature of the account key is the authority: a password alone removes nothing.
 * A repeat is harmless.
 * @throws AppError `not_found`, `invalid_signature`, `bad_request`, `device_list_conflict`, `rate_limited`, `unavailable`.
 */
export async function removeDevice(
  context: Pick<DeviceContext, "db" | "clock" | "ids" | "limits" | "closeDevice">,
  caller: Caller,
  deviceId: string,
  signedList: SignedDeviceList,
): Promise<void> {
  const { accountId } = caller;
  const pinned = await findAccount(context.db, accountId);
  if (!pinned) throw noSuchDevice();
  const list = await readDeviceList(accountId, pinned.account_key, signedList);
  // After the signature, as in register-device.ts.
  await context.limits.take("device-change.account", `remove ${accountId}`);
  const sessionId = await context.db.transaction().execute(async (tx) => {
    await lockDeviceSet(tx, accountId);
    const devices = await listDevices(tx, accountId);
    const removed = devices.find((device) => device.device_id === deviceId);
    if (!removed) return assertRepeat(tx, accountId, deviceId, list);
    const remaining = devices.filter((device) => device !== removed);
    const account = {
      accountId,
      accountKey: pinned.account_key,
      head: toListHead(await findAccount(tx, accountId)),
    };
    await advanceDeviceList(tx, account, list, remaining.map(toListedDevice), context.clock.now());
    await deleteDevice(tx, deviceId);
    await appendEvents(tx, context, [
      { type: "chat.device-removed", key: accountId, data: { accountId, deviceId } },
    ]);
    return removed.session_id;
  });
  if (sessionId) context.closeDevice({ deviceId, sessionId }, "device_removed");
}

/** The device is not there: fine when it was this list that removed it. No session acted as it any more. */
async function assertRepeat(
  db: Db,
  accountId: string,
  deviceId: string,
  list: VerifiedDeviceList,
): Promise<null> {
  const { version } = list.content;
  const [stored, before] = await Promise.all([
    findDeviceList(db, accountId, version),
    findDeviceList(db, accountId, version - 1),
  ]);
  if (!stored?.bytes.equals(list.bytes) || !names(before?.bytes, deviceId)) throw noSuchDevice();
  return null;
}

/** Stored lists are JSON in which an id stands for nothing but a device. */
function names(bytes: Buffer | undefined, deviceId: string): boolean {
  return bytes?.includes(`"deviceId":"${deviceId}"`) ?? false;
}

function noSuchDevice(): AppError {
  return new AppError("not_found", "The account has no such device.");
}
