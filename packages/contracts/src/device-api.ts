import { z } from "zod";
import { base64Bytes } from "./bytes.ts";
import { accountId, deviceId, prekeyId, registrationId } from "./ids.ts";
import { limits } from "./limits.ts";

/** Serialized X25519 public key: the byte 5, then 32 bytes. */
const publicKey = base64Bytes(33);
/** XEdDSA signature by the identity key of the device. */
const signature = base64Bytes(64);

export const signedPrekey = z
  .strictObject({ keyId: prekeyId, publicKey, signature })
  .meta({ id: "SignedPrekey" });
export const oneTimePrekey = z.strictObject({ keyId: prekeyId, publicKey }).meta({ id: "OneTimePrekey" });
/** ML-KEM-768 encapsulation key (FIPS 203), signed as `docs/e2ee.md` says. */
export const kemPrekey = z
  .strictObject({ keyId: prekeyId, publicKey: base64Bytes(1184), signature })
  .meta({ id: "KemPrekey" });

/** The list of an account's devices as its account key signed it; `bytes` travel verbatim. */
export const signedDeviceList = z
  .strictObject({ bytes: base64Bytes(2, limits.deviceListBytes), signature: base64Bytes(64) })
  .meta({ id: "SignedDeviceList" });
export type SignedDeviceList = z.infer<typeof signedDeviceList>;

/**
 * What the bytes of a device list decode to: UTF-8 JSON in one spelling only, as `JSON.stringify` writes it with the members in
 * this order and base64 without stray bits; another spelling is `bad_request`.
 */
export const deviceListContent = z.strictObject({
  version: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  accountId,
  devices: z
    .array(z.strictObject({ deviceId, identityKey: publicKey, registrationId }))
    .max(limits.devicesPerAccount),
  previousHash: base64Bytes(32).nullable(),
});
export type DeviceListContent = z.infer<typeof deviceListContent>;

const oneTimePrekeys = z.array(oneTimePrekey).max(limits.oneTimePrekeys);
const oneTimeKemPrekeys = z.array(kemPrekey).max(limits.oneTimeKemPrekeys);

/** `POST /api/chat/devices`: the first device of an account also brings the account key. */
export const registerDeviceRequest = z
  .strictObject({
    deviceId,
    registrationId,
    identityKey: publicKey,
    signedPrekey,
    lastResortKemPrekey: kemPrekey,
    oneTimePrekeys,
    oneTimeKemPrekeys,
    /** Ed25519 public key of the account. */
    accountKey: base64Bytes(32),
    deviceList: signedDeviceList,
  })
  .meta({ id: "RegisterDevice" });
export type RegisterDeviceRequest = z.infer<typeof registerDeviceRequest>;

export const device = z
  .object({ deviceId, registrationId, createdAt: z.iso.datetime(), lastSeenAt: z.iso.datetime().nullable() })
  .meta({ id: "Device" });
export type Device = z.infer<typeof device>;
export const ownDevices = z.object({ devices: z.array(device) }).meta({ id: "OwnDevices" });

/** `DELETE /api/chat/devices/{deviceId}`: the list without that device. */
export const removeDeviceRequest = z.strictObject({ deviceList: signedDeviceList });

/**
 * `PUT /api/chat/devices/{deviceId}/session`: binds the device to the caller's session.
 * `proof` is the XEdDSA signature by the device's identity key over
 * `"sotto/device-session/1" 00 deviceId "\n" sessionId` (UTF-8), so that a password alone cannot act as a device.
 */
export const bindDeviceRequest = z.strictObject({ proof: signature });

/** `GET /api/chat/accounts/{accountId}/devices?since=`: all lists newer than `since`, oldest first; the last is in force. */
export const accountDevices = z
  .object({ accountId, accountKey: base64Bytes(32), deviceLists: z.array(signedDeviceList) })
  .meta({ id: "AccountDevices" });
export type AccountDevices = z.infer<typeof accountDevices>;
export const accountDevicesQuery = z.strictObject({ since: z.coerce.number().int().min(0).default(0) });

/**
 * `PUT /api/chat/devices/{deviceId}/prekeys`: a part that is present replaces all stored keys of its kind; an absent part is left alone.
 * New keys have higher ids than every key of their kind before; a lower id that is not stored unchanged is `idempotency_conflict`.
 */
export const uploadPrekeysRequest = z
  .strictObject({
    signedPrekey: signedPrekey.optional(),
    lastResortKemPrekey: kemPrekey.optional(),
    oneTimePrekeys: oneTimePrekeys.optional(),
    oneTimeKemPrekeys: oneTimeKemPrekeys.optional(),
  })
  .meta({ id: "UploadPrekeys" });
export type UploadPrekeysRequest = z.infer<typeof uploadPrekeysRequest>;

/** Fewer keys of a kind than this and the device is told `keys:low`. */
export const LOW_PREKEYS = 10;

/** Keys left at the server. `lastResortUsed` counts claims that got the last-resort key since it was uploaded. */
export const prekeyStock = z
  .object({ ec: z.int(), kem: z.int(), lastResortUsed: z.int() })
  .meta({ id: "PrekeyStock" });
export type PrekeyStock = z.infer<typeof prekeyStock>;

/** `POST /api/chat/accounts/{accountId}/prekeys`: claims one bundle for each named device. */
export const claimPrekeysRequest = z.strictObject({
  deviceIds: z.array(deviceId).min(1).max(limits.devicesPerAccount),
});
export const prekeyBundle = z
  .object({
    deviceId,
    registrationId,
    identityKey: publicKey,
    signedPrekey,
    oneTimePrekey: oneTimePrekey.optional(),
    kemPrekey,
    /** True when the one-time KEM keys had run out. */
    kemIsLastResort: z.boolean(),
  })
  .meta({ id: "PrekeyBundle" });
export type WirePrekeyBundle = z.infer<typeof prekeyBundle>;
export const claimedPrekeys = z.object({ bundles: z.array(prekeyBundle) }).meta({ id: "ClaimedPrekeys" });

/** `POST /api/chat/devices/{deviceId}/prekeys/check`: 204, or `key_digest_mismatch`. Digest as `docs/e2ee.md` says. */
export const checkPrekeysRequest = z.strictObject({ digest: base64Bytes(32) });
