import { Buffer } from "node:buffer";
import {
  type DeviceListContent,
  deviceListContent,
  type SignedDeviceList,
} from "@sotto/contracts/device-api";
import { AppError, fromZodError } from "@sotto/platform/app-error";
import { invalidSignature } from "./key-parts.ts";
import { sha256 } from "./sha256.ts";
import { deviceListToSign } from "./signed-bytes.ts";
import { verifyEd25519 } from "./xeddsa.ts";

/** A device list whose signature and form have been checked. */
export type VerifiedDeviceList = {
  readonly content: DeviceListContent;
  readonly bytes: Buffer;
  readonly signature: Buffer;
  readonly hash: Buffer;
};

/** The newest list of an account; undefined before its first device. */
export type ListHead = { readonly version: number; readonly hash: Buffer };

/** A device as a list must name it. */
export type ListedDevice = {
  readonly deviceId: string;
  readonly identityKey: Buffer;
  readonly registrationId: number;
};

/**
 * Verifies the signature of a device list, then reads it.
 * @throws AppError `invalid_signature`; `bad_request` for bytes that are no device list of this account.
 */
export async function readDeviceList(
  accountId: string,
  accountKey: Buffer,
  list: SignedDeviceList,
): Promise<VerifiedDeviceList> {
  const bytes = Buffer.from(list.bytes, "base64");
  const signature = Buffer.from(list.signature, "base64");
  if (!(await verifyEd25519(accountKey, deviceListToSign(bytes), signature)))
    throw invalidSignature(["deviceList.signature"]);
  const content = parseContent(bytes);
  if (content.accountId !== accountId) throw badList("names another account");
  assertDistinct(content);
  return { content, bytes, signature, hash: await sha256(bytes) };
}

/**
 * Strict: a list has one spelling, whatever wrote it. So no member occurs twice or unseen, every client reads the same
 * list, and none is stored that a client would refuse.
 */
function parseContent(bytes: Buffer): DeviceListContent {
  const parsed = deviceListContent.safeParse(parseJson(bytes));
  if (!parsed.success) throw fromZodError(parsed.error);
  if (!spell(parsed.data).equals(bytes)) throw badList("is not spelled as it must be");
  return parsed.data;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw badList("is not JSON", error);
  }
}

/** Members in this order, no white space, base64 whose unused bits are zero. */
function spell({ version, accountId, devices, previousHash }: DeviceListContent): Buffer {
  const spelled = {
    version,
    accountId,
    devices: devices.map(({ deviceId, identityKey, registrationId }) => ({
      deviceId,
      identityKey: decodeKey(identityKey).toString("base64"),
      registrationId,
    })),
    previousHash: previousHash && decodeKey(previousHash).toString("base64"),
  };
  return Buffer.from(JSON.stringify(spelled), "utf8");
}

function assertDistinct({ devices }: DeviceListContent): void {
  const ids = new Set(devices.map(({ deviceId }) => deviceId));
  const keys = new Set(devices.map(({ identityKey }) => identityKey));
  if (ids.size !== devices.length) throw badList("names a device twice");
  if (keys.size !== devices.length) throw badList("names an identity key twice");
}

function badList(message: string, cause?: unknown): AppError {
  return new AppError("bad_request", "The device list is not valid.", {
    issues: [{ path: "deviceList.bytes", message }],
    cause,
  });
}

function decodeKey(base64: string): Buffer {
  return Buffer.from(base64, "base64");
}

/**
 * Checks that a list is the next one of its account and names exactly the devices there will be.
 * @throws AppError `device_list_conflict` with the version in force: fetch the lists, sign anew, try again.
 */
export function assertSuccessor(
  list: VerifiedDeviceList,
  head: ListHead | undefined,
  devices: readonly ListedDevice[],
): void {
  const { version, previousHash } = list.content;
  const follows = head
    ? version === head.version + 1 && previousHash !== null && decodeKey(previousHash).equals(head.hash)
    : version === 1 && previousHash === null;
  if (!follows) throw listConflict("The device list does not follow the one in force.", head);
  if (!namesExactly(list.content, devices))
    throw listConflict("The device list does not name exactly the devices of the account.", head);
}

function namesExactly(content: DeviceListContent, devices: readonly ListedDevice[]): boolean {
  const listed = new Map(content.devices.map((entry) => [entry.deviceId, entry]));
  if (listed.size !== devices.length) return false;
  return devices.every(({ deviceId, identityKey, registrationId }) => {
    const entry = listed.get(deviceId);
    return entry?.registrationId === registrationId && decodeKey(entry.identityKey).equals(identityKey);
  });
}

/** `device_list_conflict`; `details.version` is that of the list in force, 0 when there is none. */
export function listConflict(message: string, head: ListHead | undefined): AppError {
  return new AppError("device_list_conflict", message, { details: { version: head?.version ?? 0 } });
}
