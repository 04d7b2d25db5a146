import { E2eeError } from "./errors.ts";

/** One device of one account; both ids are lower-case UUIDs. */
export type DeviceAddress = { readonly accountId: string; readonly deviceId: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/** Throws `bad_input` unless the text is a lower-case UUID. */
export function requireUuid(text: string, what: string): string {
  if (!isUuid(text)) throw new E2eeError("bad_input", `${what} is not a lower-case UUID`);
  return text;
}

/**
 * The name under which sessions with a device are kept, `accountId:deviceId`.
 * The Signal library splits addresses at dots and looks up trust by name alone, so the name
 * names the device and holds no dot.
 */
export function addressName(address: DeviceAddress): string {
  if (!isUuid(address.accountId) || !isUuid(address.deviceId)) {
    throw new E2eeError("bad_address", "account and device ids must be lower-case UUIDs");
  }
  return `${address.accountId}:${address.deviceId}`;
}

export function uuidToBytes(uuid: string): Uint8Array {
  const digits = requireUuid(uuid, "id").replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

export function uuidFromBytes(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join("-");
}
