import { LOW_PREKEYS, type PrekeyStock, type WirePrekeyBundle } from "@sotto/contracts/device-api";
import type { DeviceContext } from "./device-context.ts";
import { listDevices } from "./device-queries.ts";
import type { ProvenDevice } from "./find-proven-device.ts";
import { accountUnreachable } from "./list-account-devices.ts";
import { type ClaimedRow, countLastResortUse, listStocks, takePrekeys } from "./prekey-queries.ts";

/**
 * Hands out one bundle for each of the named devices that the account has; a one-time key is handed out once. When the
 * one-time ML-KEM keys have run out the bundle holds the last-resort key, when the others have it holds none.
 * Devices that run low are told.
 * @throws AppError `not_found` when the account has none of the devices; `rate_limited`, and then nothing was taken.
 */
export async function claimPrekeys(
  context: Pick<DeviceContext, "db" | "limits" | "keysLow">,
  claimer: ProvenDevice,
  accountId: string,
  deviceIds: readonly string[],
): Promise<WirePrekeyBundle[]> {
  const wanted = new Set(deviceIds);
  const devices = await listDevices(context.db, accountId);
  // Only devices that exist: made-up ids must not fill the limiter's store.
  const targets = devices.map((device) => device.device_id).filter((id) => wanted.has(id));
  if (targets.length === 0) throw accountUnreachable();
  await Promise.all(
    targets.map((target) => context.limits.take("prekey-claim.pair", `${claimer.deviceId}:${target}`)),
  );
  const claimed = await takePrekeys(context.db, accountId, targets);
  for (const row of claimed) {
    if (row.kem_is_last_resort) await countLastResortUse(context.db, row.device_id, row.kem_key_id);
  }
  const stocks = await listStocks(context.db, targets);
  for (const [deviceId, stock] of stocks) if (isLow(stock)) context.keysLow(deviceId, stock);
  return claimed.map(toBundle);
}

function isLow({ ec, kem }: PrekeyStock): boolean {
  return ec < LOW_PREKEYS || kem < LOW_PREKEYS;
}

function toBundle(row: ClaimedRow): WirePrekeyBundle {
  const { one_time_key_id: oneTimeKeyId, one_time_key: oneTimeKey } = row;
  return {
    deviceId: row.device_id,
    registrationId: row.registration_id,
    identityKey: row.identity_key.toString("base64"),
    signedPrekey: {
      keyId: row.signed_key_id,
      publicKey: row.signed_key.toString("base64"),
      signature: row.signed_key_signature.toString("base64"),
    },
    ...(oneTimeKeyId !== null &&
      oneTimeKey !== null && {
        oneTimePrekey: { keyId: oneTimeKeyId, publicKey: oneTimeKey.toString("base64") },
      }),
    kemPrekey: {
      keyId: row.kem_key_id,
      publicKey: row.kem_key.toString("base64"),
      signature: row.kem_signature.toString("base64"),
    },
    kemIsLastResort: row.kem_is_last_resort,
  };
}
