import { getAccountKey } from "./account.ts";
import { addressName } from "./address.ts";
import { type SignedDeviceList, signDeviceList, verifyDeviceList } from "./device-list.ts";
import { E2eeError } from "./errors.ts";
import { findOwnDevice, generateCurveKeyPair, type OwnDevice, putOwnDevice } from "./identity.ts";
import {
  makeLastResortPrekey,
  makeOneTimeKemPrekeys,
  makeOneTimePrekeys,
  makeSignedPrekey,
  type PublicPrekey,
  putCurrentPrekeyIds,
  type SignedPublicPrekey,
} from "./prekeys.ts";
import type { Transaction } from "./store.ts";

/** What a new device uploads; every field is public. */
export type DeviceRegistration = {
  readonly deviceId: string;
  readonly registrationId: number;
  readonly identityKey: Uint8Array;
  readonly signedPrekey: SignedPublicPrekey;
  readonly lastResortKemPrekey: SignedPublicPrekey;
  readonly oneTimePrekeys: readonly PublicPrekey[];
  readonly oneTimeKemPrekeys: readonly SignedPublicPrekey[];
  readonly accountKey: Uint8Array;
  readonly deviceList: SignedDeviceList;
};

export type NewDevice = {
  readonly accountId: string;
  readonly deviceId: string;
  /** ms since the epoch. */
  readonly now: number;
  /** How many one-time keys of each kind; 100 is what the server holds. */
  readonly oneTimePrekeys?: number;
  /** For a device that joins an account: the list in force, which the new one extends. */
  readonly previousDeviceList?: SignedDeviceList;
};

function randomRegistrationId(): number {
  const random = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return 1 + (random % 16_380);
}

async function listWith(
  tx: Transaction,
  device: OwnDevice,
  previous: SignedDeviceList | undefined,
  accountKey: Uint8Array,
): Promise<SignedDeviceList> {
  const { accountId, deviceId, registrationId, publicKey } = device;
  const own = { deviceId, identityKey: publicKey, registrationId };
  if (previous === undefined) {
    return signDeviceList(tx, { version: 1, accountId, devices: [own], previousHash: null });
  }
  const known = verifyDeviceList({ ...previous, accountKey, accountId });
  const devices = [...known.devices, own];
  return signDeviceList(tx, { version: known.version + 1, accountId, devices, previousHash: known.hash });
}

/**
 * Makes this device's identity key, registration id and prekeys, stores the private parts, and signs the
 * device list that names the device. Throws `no_account` without an account key, and `bad_input` when the
 * store holds a device already.
 */
export async function createDevice(tx: Transaction, options: NewDevice): Promise<DeviceRegistration> {
  addressName(options);
  const accountKey = await getAccountKey(tx);
  if ((await findOwnDevice(tx)) !== undefined) {
    throw new E2eeError("bad_input", "this store holds a device already");
  }
  const { accountId, deviceId, now, oneTimePrekeys: count = 100 } = options;
  const registrationId = randomRegistrationId();
  const device: OwnDevice = { accountId, deviceId, registrationId, ...(await generateCurveKeyPair()) };
  putOwnDevice(tx, device);
  const signedPrekey = await makeSignedPrekey(tx, device, now);
  const lastResortKemPrekey = await makeLastResortPrekey(tx, device, now);
  putCurrentPrekeyIds(tx, signedPrekey.keyId, lastResortKemPrekey.keyId);
  return {
    deviceId,
    registrationId,
    identityKey: device.publicKey,
    signedPrekey,
    lastResortKemPrekey,
    oneTimePrekeys: await makeOneTimePrekeys(tx, count),
    oneTimeKemPrekeys: await makeOneTimeKemPrekeys(tx, device, count),
    accountKey,
    deviceList: await listWith(tx, device, options.previousDeviceList, accountKey),
  };
}
