import type { PrekeyStock } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import type { Caller } from "@sotto/platform/token-verifier";
import type { DeviceContext } from "./device-context.ts";
import { findProvenDevice } from "./find-proven-device.ts";
import { listStocks } from "./prekey-queries.ts";

/** What is left of the device's own keys. @throws AppError `not_found`, `device_unproven`. */
export async function getPrekeyStock(
  context: Pick<DeviceContext, "db">,
  caller: Caller,
  deviceId: string,
): Promise<PrekeyStock> {
  await findProvenDevice(context.db, caller, deviceId);
  const stock = (await listStocks(context.db, [deviceId])).get(deviceId);
  if (!stock) throw new AppError("not_found", "The account has no such device.");
  return stock;
}
