import { Buffer } from "node:buffer";
import type { RegisterDeviceRequest } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import { readDeviceList, type VerifiedDeviceList } from "./device-list.ts";
import { checkKeyParts, decodeKeyParts, type KeyParts } from "./key-parts.ts";
import { hashRequest } from "./sha256.ts";
import { createSignatureVerifier } from "./xeddsa.ts";

/** A request to register a device, decoded, with every key and signature checked. */
export type Registration = {
  readonly deviceId: string;
  readonly registrationId: number;
  readonly identityKey: Buffer;
  readonly accountKey: Buffer;
  readonly list: VerifiedDeviceList;
  readonly keys: Required<KeyParts>;
  readonly requestHash: Buffer;
  readonly oneTimeHash: Buffer;
  readonly oneTimeKemHash: Buffer;
};

/**
 * Checks what needs no look at what is stored.
 * @throws AppError `bad_request` or `invalid_signature`, naming the fields.
 */
export async function verifyRegistration(
  accountId: string,
  request: RegisterDeviceRequest,
): Promise<Registration> {
  const identityKey = Buffer.from(request.identityKey, "base64");
  const accountKey = Buffer.from(request.accountKey, "base64");
  const list = await readDeviceList(accountId, accountKey, request.deviceList);
  const verify = createSignatureVerifier(identityKey);
  if (!verify) {
    throw new AppError("bad_request", "The identity key is not usable.", {
      issues: [{ path: "identityKey", message: "not a usable public key" }],
    });
  }
  // The schema of the request demands every part.
  const keys = decodeKeyParts(request) as Required<KeyParts>;
  await checkKeyParts(verify, keys);
  return {
    deviceId: request.deviceId,
    registrationId: request.registrationId,
    identityKey,
    accountKey,
    list,
    keys,
    requestHash: await hashRequest(request),
    oneTimeHash: await hashRequest(request.oneTimePrekeys),
    oneTimeKemHash: await hashRequest(request.oneTimeKemPrekeys),
  };
}
