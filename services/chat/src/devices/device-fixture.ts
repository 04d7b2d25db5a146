// People and devices with real keys, for tests.
import { Buffer } from "node:buffer";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import type { RegisterDeviceRequest, SignedDeviceList } from "@sotto/contracts/device-api";
import { deviceListToSign, deviceSessionToSign, kemPrekeyToSign } from "./signed-bytes.ts";

const { Point } = ed25519;

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}

function sha512Scalar(...parts: Uint8Array[]): bigint {
  return fromLittleEndian(createHash("sha512").update(Buffer.concat(parts)).digest()) % Point.Fn.ORDER;
}

/** XEdDSA as libsignal signs: the sign of the Edwards point travels in the top bit of `s`. */
export function signXeddsa(privateKey: Uint8Array, message: Uint8Array): Buffer {
  const clamped = Buffer.from(privateKey);
  clamped.writeUInt8(clamped.readUInt8(0) & 248, 0);
  clamped.writeUInt8((clamped.readUInt8(31) & 127) | 64, 31);
  const a = fromLittleEndian(clamped) % Point.Fn.ORDER;
  const A = Buffer.from(Point.BASE.multiply(a).toBytes());
  const r = sha512Scalar(clamped, message, randomBytes(64));
  const R = Point.BASE.multiply(r).toBytes();
  const s = toLittleEndian((r + sha512Scalar(R, A, message) * a) % Point.Fn.ORDER);
  s.writeUInt8(s.readUInt8(31) | (A.readUInt8(31) & 128), 31);
  return Buffer.concat([R, s]);
}

/** A fresh X25519 key pair; the public key serialized with its type byte. */
export function createKeyPair(): { privateKey: Buffer; publicKey: Buffer } {
  const privateKey = randomBytes(32);
  return {
    privateKey,
    publicKey: Buffer.concat([Buffer.of(5), x25519.getPublicKey(privateKey)]),
  };
}

/** Bytes that pass for an ML-KEM-768 encapsulation key: every coefficient is below 2048. */
export function createKemKey(): Buffer {
  const key = randomBytes(1184);
  for (let i = 0; i < 1152; i += 3) {
    key.writeUInt8(key.readUInt8(i + 1) & 0xf7, i + 1);
    key.writeUInt8(key.readUInt8(i + 2) & 0x7f, i + 2);
  }
  return key;
}

/** A device with its private identity key, and makers of keys that it signs. */
export function createDevice(deviceId: string = randomUUID()) {
  const { privateKey, publicKey } = createKeyPair();
  const sign = (message: Uint8Array): string => signXeddsa(privateKey, message).toString("base64");
  const device = {
    deviceId,
    registrationId: 1 + (randomBytes(2).readUInt16BE() % 16_000),
    identityKey: publicKey.toString("base64"),
    sign,
    plainKey: (keyId: number) => ({ keyId, publicKey: createKeyPair().publicKey.toString("base64") }),
    signedKey: (keyId: number) => {
      const key = createKeyPair().publicKey;
      return { keyId, publicKey: key.toString("base64"), signature: sign(key) };
    },
    kemKey: (keyId: number) => {
      const key = createKemKey();
      return { keyId, publicKey: key.toString("base64"), signature: sign(kemPrekeyToSign(keyId, key)) };
    },
    proof: (sessionId: string): string => sign(deviceSessionToSign(deviceId, sessionId)),
  };
  return device;
}
export type TestDevice = ReturnType<typeof createDevice>;

type ListEntry = Pick<TestDevice, "deviceId" | "identityKey" | "registrationId">;

/** An account with its private key, which signs device lists. */
export function createAccount(accountId: string = randomUUID()) {
  const { secretKey, publicKey } = ed25519.keygen();
  const signBytes = (bytes: Uint8Array): SignedDeviceList => ({
    bytes: Buffer.from(bytes).toString("base64"),
    signature: Buffer.from(ed25519.sign(deviceListToSign(bytes), secretKey)).toString("base64"),
  });
  return {
    accountId,
    accountKey: Buffer.from(publicKey).toString("base64"),
    signBytes,
    /** The next list after `previous` (none: the first). */
    signList(devices: readonly ListEntry[], previous?: SignedDeviceList): SignedDeviceList {
      const before = previous && Buffer.from(previous.bytes, "base64");
      const version = before ? JSON.parse(before.toString()).version + 1 : 1;
      const content = {
        version,
        accountId,
        devices: devices.map(({ deviceId, identityKey, registrationId }) => ({
          deviceId,
          identityKey,
          registrationId,
        })),
        previousHash: before ? createHash("sha256").update(before).digest("base64") : null,
      };
      return signBytes(Buffer.from(JSON.stringify(content)));
    },
  };
}
export type TestAccount = ReturnType<typeof createAccount>;

/** A request to register `device`, with `keys` one-time keys of each kind (ids from 101). */
export function createRegistration(
  account: TestAccount,
  device: TestDevice,
  deviceList: SignedDeviceList,
  keys = 3,
): RegisterDeviceRequest {
  const ids = Array.from({ length: keys }, (_, i) => 101 + i);
  return {
    deviceId: device.deviceId,
    registrationId: device.registrationId,
    identityKey: device.identityKey,
    signedPrekey: device.signedKey(11),
    lastResortKemPrekey: device.kemKey(12),
    oneTimePrekeys: ids.map(device.plainKey),
    oneTimeKemPrekeys: ids.map(device.kemKey),
    accountKey: account.accountKey,
    deviceList,
  };
}
