import type { UploadPrekeysRequest } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Caller } from "@sotto/platform/token-verifier";
import type { Transaction } from "kysely";
import type { DeviceContext } from "./device-context.ts";
import { findProvenDevice } from "./find-proven-device.ts";
import { checkKeyParts, decodeKeyParts, type KeyParts, type PlainKey, type SignedKey } from "./key-parts.ts";
import {
  type DeviceKeysRow,
  listOneTimeKemPrekeys,
  listOneTimePrekeys,
  lockDeviceKeys,
  replaceOneTimeKemPrekeys,
  replaceOneTimePrekeys,
  toLastResortColumns,
  toSignedKeyColumns,
  updateDeviceKeys,
} from "./prekey-queries.ts";
import { compareSignedKey, findReusedIds, highestKeyId } from "./prekey-replacement.ts";
import { hashRequest } from "./sha256.ts";
import { createSignatureVerifier } from "./xeddsa.ts";

type Tx = Transaction<ChatDatabase>;
type Upload = { deviceId: string; parts: KeyParts; request: UploadPrekeysRequest };

/**
 * Replaces the stored keys of every kind that the upload holds, and leaves the others alone. All or nothing.
 * Repeating an upload changes nothing, also after some of its keys were claimed.
 * @throws AppError `not_found`, `device_unproven`, `bad_request`, `invalid_signature`; `idempotency_conflict` for a key
 * id that was used before.
 */
export async function uploadPrekeys(
  context: Pick<DeviceContext, "db">,
  caller: Caller,
  deviceId: string,
  request: UploadPrekeysRequest,
): Promise<void> {
  const device = await findProvenDevice(context.db, caller, deviceId);
  const parts = decodeKeyParts(request);
  const verify = createSignatureVerifier(device.identityKey);
  if (!verify) throw new Error(`device ${deviceId} is stored with an unusable identity key`);
  await checkKeyParts(verify, parts);
  await context.db.transaction().execute(async (tx) => {
    const stored = await lockDeviceKeys(tx, deviceId);
    if (!stored) throw new AppError("not_found", "The account has no such device.");
    const upload = { deviceId, parts, request };
    await storeSignedKeys(tx, upload, stored);
    await storeOneTimePrekeys(tx, upload, stored);
    await storeOneTimeKemPrekeys(tx, upload, stored);
  });
}

async function storeSignedKeys(tx: Tx, { deviceId, parts }: Upload, stored: DeviceKeysRow): Promise<void> {
  const { signedPrekey, lastResortKemPrekey } = parts;
  const storedSigned = { keyId: stored.signed_key_id, publicKey: stored.signed_key };
  const storedLastResort = { keyId: stored.last_resort_key_id, publicKey: stored.last_resort_key };
  if (signedPrekey && isNewer("signedPrekey", signedPrekey, storedSigned))
    await updateDeviceKeys(tx, deviceId, toSignedKeyColumns(signedPrekey));
  if (lastResortKemPrekey && isNewer("lastResortKemPrekey", lastResortKemPrekey, storedLastResort))
    await updateDeviceKeys(tx, deviceId, toLastResortColumns(lastResortKemPrekey));
}

function isNewer(kind: string, upload: SignedKey, stored: PlainKey): boolean {
  const result = compareSignedKey(upload, stored);
  if (result === "reused") throw idsReused(kind, [upload.keyId]);
  return result === "newer";
}

async function storeOneTimePrekeys(tx: Tx, { deviceId, parts, request }: Upload, stored: DeviceKeysRow) {
  const keys = parts.oneTimePrekeys;
  if (!keys) return;
  const hash = await hashRequest(request.oneTimePrekeys);
  if (hash.equals(stored.one_time_hash)) return;
  const highest = stored.one_time_highest_id;
  const reused = findReusedIds(keys, await listOneTimePrekeys(tx, deviceId), highest);
  if (reused.length > 0) throw idsReused("oneTimePrekeys", reused);
  await replaceOneTimePrekeys(tx, deviceId, keys);
  await updateDeviceKeys(tx, deviceId, {
    one_time_hash: hash,
    one_time_highest_id: highestKeyId(keys, highest),
  });
}

async function storeOneTimeKemPrekeys(tx: Tx, { deviceId, parts, request }: Upload, stored: DeviceKeysRow) {
  const keys = parts.oneTimeKemPrekeys;
  if (!keys) return;
  const hash = await hashRequest(request.oneTimeKemPrekeys);
  if (hash.equals(stored.one_time_kem_hash)) return;
  const highest = stored.one_time_kem_highest_id;
  const reused = findReusedIds(keys, await listOneTimeKemPrekeys(tx, deviceId), highest);
  if (reused.length > 0) throw idsReused("oneTimeKemPrekeys", reused);
  await replaceOneTimeKemPrekeys(tx, deviceId, keys);
  await updateDeviceKeys(tx, deviceId, {
    one_time_kem_hash: hash,
    one_time_kem_highest_id: highestKeyId(keys, highest),
  });
}

function idsReused(kind: string, keyIds: readonly number[]): AppError {
  return new AppError("idempotency_conflict", "A key id was used before. Draw new, higher ids.", {
    details: { kind, keyIds },
  });
}
