import { Buffer } from "node:buffer";
import { AppError } from "@sotto/platform/app-error";
import type { Caller } from "@sotto/platform/token-verifier";
import type { DeviceContext } from "./device-context.ts";
import { findProvenDevice } from "./find-proven-device.ts";
import { findDeviceKeys } from "./prekey-queries.ts";
import { sha256 } from "./sha256.ts";
import { keyDigestInput } from "./signed-bytes.ts";

/**
 * Compares the device's own idea of its identity key, signed prekey and last-resort key with what is handed out here.
 * @throws AppError `not_found`, `device_unproven`; `key_digest_mismatch`: rotate and upload.
 */
export async function checkPrekeys(
  context: Pick<DeviceContext, "db">,
  caller: Caller,
  deviceId: string,
  digest: string,
): Promise<void> {
  const { identityKey } = await findProvenDevice(context.db, caller, deviceId);
  const stored = await findDeviceKeys(context.db, deviceId);
  if (!stored) throw new AppError("not_found", "The account has no such device.");
  const ours = await sha256(
    keyDigestInput({
      identityKey,
      signedKeyId: stored.signed_key_id,
      signedKey: stored.signed_key,
      lastResortKeyId: stored.last_resort_key_id,
      lastResortKey: stored.last_resort_key,
    }),
  );
  if (!ours.equals(Buffer.from(digest, "base64")))
    throw new AppError("key_digest_mismatch", "The server holds other keys of this device.");
}
