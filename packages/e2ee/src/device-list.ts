import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { signWithAccount } from "./account.ts";
import { isUuid } from "./address.ts";
import { concat, equalBytes, fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.ts";
import { E2eeError } from "./errors.ts";
import type { Transaction } from "./store.ts";

const CONTEXT = concat(utf8("sotto/device-list/1"), Uint8Array.of(0));
/** More than the server allows an account; bounds the work on a list. */
const MAX_DEVICES = 64;

export type ListedDevice = {
  readonly deviceId: string;
  /** 33 bytes. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
};

export type DeviceListContent = {
  /** 1, then one more with every change. */
  readonly version: number;
  readonly accountId: string;
  readonly devices: readonly ListedDevice[];
  /** SHA-256 of the previous list's bytes; null in version 1 only. */
  readonly previousHash: Uint8Array | null;
};

/** A verified list; `hash` is what the next version's `previousHash` must be. */
export type DeviceList = DeviceListContent & { readonly hash: Uint8Array };

export type SignedDeviceList = { readonly bytes: Uint8Array; readonly signature: Uint8Array };

/** The one spelling of a list: fixed member order, no white space, canonical base64. */
function encodeList(list: DeviceListContent): Uint8Array {
  const { version, accountId, devices, previousHash } = list;
  return utf8(
    JSON.stringify({
      version,
      accountId,
      devices: devices.map(({ deviceId, identityKey, registrationId }) => ({
        deviceId,
        identityKey: toBase64(identityKey),
        registrationId,
      })),
      previousHash: previousHash === null ? null : toBase64(previousHash),
    }),
  );
}

function bad(message: string): E2eeError {
  return new E2eeError("bad_device_list", message);
}

/** The known members of an object from JSON, or nothing; whatever else it holds shows when it is encoded again. */
function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function parseDevice(value: unknown): ListedDevice {
  const { deviceId, identityKey, registrationId } = members(value);
  const key = typeof identityKey === "string" ? fromBase64(identityKey) : undefined;
  if (!isUuid(deviceId) || key?.length !== 33 || key[0] !== 5) throw bad("a device has a bad id or key");
  if (!isRegistrationId(registrationId)) throw bad("a device has a bad registration id");
  return { deviceId, identityKey: key, registrationId };
}

function parseHash(value: unknown, version: number): Uint8Array | null {
  if (version === 1 && value === null) return null;
  const hash = typeof value === "string" ? fromBase64(value) : undefined;
  if (hash?.length !== 32 || version === 1) throw bad("previousHash does not fit the version");
  return hash;
}

function checkUnique(devices: readonly ListedDevice[]): void {
  const ids = new Set(devices.map((device) => device.deviceId));
  const keys = new Set(devices.map((device) => toBase64(device.identityKey)));
  if (ids.size !== devices.length || keys.size !== devices.length) throw bad("a device is listed twice");
}

/** Parses strictly: throws `bad_device_list` unless the bytes are the one spelling of a valid list. */
export function decodeDeviceList(bytes: Uint8Array): DeviceListContent {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new E2eeError("bad_device_list", "not UTF-8 JSON", { cause });
  }
  const { version, accountId, devices, previousHash } = members(json);
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw bad("bad version");
  if (!isUuid(accountId)) throw bad("bad account id");
  if (!Array.isArray(devices) || devices.length > MAX_DEVICES) throw bad("bad number of devices");
  const list: DeviceListContent = {
    version: version as number,
    accountId,
    devices: devices.map(parseDevice),
    previousHash: parseHash(previousHash, version as number),
  };
  checkUnique(list.devices);
  // Unknown, repeated and reordered members, white space and other spellings of a value all fail here.
  if (!equalBytes(encodeList(list), bytes)) throw bad("not in canonical form");
  return list;
}

/** 1 to 16380, as Signal has them; 0 would read as absent. */
export function isRegistrationId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 16_380;
}

/** Signs a list with the account key; throws `bad_device_list` for one that nobody would accept. */
export async function signDeviceList(tx: Transaction, list: DeviceListContent): Promise<SignedDeviceList> {
  const bytes = encodeList(list);
  decodeDeviceList(bytes);
  return { bytes, signature: await signWithAccount(tx, concat(CONTEXT, bytes)) };
}

export function deviceListHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

function checkSuccession(
  list: DeviceListContent,
  hash: Uint8Array,
  previous: { version: number; hash: Uint8Array },
): void {
  if (list.version < previous.version) {
    throw new E2eeError("device_list_rollback", `version ${list.version} after ${previous.version}`);
  }
  const isSame = list.version === previous.version && equalBytes(hash, previous.hash);
  const isNext =
    list.version === previous.version + 1 &&
    list.previousHash !== null &&
    equalBytes(list.previousHash, previous.hash);
  if (!isSame && !isNext) {
    throw new E2eeError("device_list_fork", `version ${list.version} does not follow from the known list`);
  }
}

/**
 * Verifies a list against the account key (Ed25519, 32 bytes). With `previous`, the newest list known so far,
 * it must be that list or its direct successor: hand lists over one by one, oldest first.
 * Throws `bad_signature`, `bad_device_list`, `device_list_rollback` or `device_list_fork`.
 */
export function verifyDeviceList(input: {
  bytes: Uint8Array;
  signature: Uint8Array;
  accountKey: Uint8Array;
  accountId?: string;
  previous?: { version: number; hash: Uint8Array };
}): DeviceList {
  const { bytes, signature, accountKey, accountId, previous } = input;
  if (!verifyEd25519(signature, concat(CONTEXT, bytes), accountKey)) {
    throw new E2eeError("bad_signature", "the device list is not signed by the account key");
  }
  const list = decodeDeviceList(bytes);
  if (accountId !== undefined && list.accountId !== accountId) throw bad("the list is of another account");
  const hash = deviceListHash(bytes);
  if (previous !== undefined) checkSuccession(list, hash, previous);
  return { ...list, hash };
}

function verifyEd25519(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
