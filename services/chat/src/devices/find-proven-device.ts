import { AppError } from "@sotto/platform/app-error";
import type { Caller } from "@sotto/platform/token-verifier";
import { type Db, type DeviceRow, findDevice } from "./device-queries.ts";

/** A device that the caller's session may act as. */
export type ProvenDevice = {
  readonly deviceId: string;
  readonly accountId: string;
  readonly registrationId: number;
  readonly identityKey: Buffer;
};

/**
 * The caller's device, when the caller's session is the one that proved to hold its identity key.
 * @throws AppError `not_found` (also for the device of somebody else), `device_unproven`: bind the session first.
 */
export async function findProvenDevice(db: Db, caller: Caller, deviceId: string): Promise<ProvenDevice> {
  const device = await getOwnDevice(db, caller, deviceId);
  if (device.session_id !== caller.sessionId) {
    throw new AppError("device_unproven", "This session has not proved that it holds the device's key.");
  }
  return {
    deviceId,
    accountId: device.account_id,
    registrationId: device.registration_id,
    identityKey: device.identity_key,
  };
}

/** The caller's device, whichever session acts as it. @throws AppError `not_found`, also for somebody else's device. */
export async function getOwnDevice(db: Db, caller: Caller, deviceId: string): Promise<DeviceRow> {
  const device = await findDevice(db, deviceId);
  if (device?.account_id !== caller.accountId) {
    throw new AppError("not_found", "The account has no such device.");
  }
  return device;
}
