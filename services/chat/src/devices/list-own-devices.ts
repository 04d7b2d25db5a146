import type { Device } from "@sotto/contracts/device-api";
import type { Caller } from "@sotto/platform/token-verifier";
import type { DeviceContext } from "./device-context.ts";
import { listDevicesSeen } from "./device-queries.ts";

/** The caller's devices, oldest first. */
export async function listOwnDevices(context: Pick<DeviceContext, "db">, caller: Caller): Promise<Device[]> {
  const devices = await listDevicesSeen(context.db, caller.accountId);
  return devices.map((device) => ({
    deviceId: device.device_id,
    registrationId: device.registration_id,
    createdAt: device.created_at.toISOString(),
    lastSeenAt: (device.seen_at ?? device.last_seen_at).toISOString(),
  }));
}
