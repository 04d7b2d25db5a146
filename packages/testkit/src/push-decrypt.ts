// What a browser does with a push: by the RFCs, and not by the library that encrypts.
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";

/** A subscriber's half of a subscription (RFC 8291): what it never tells. */
export type SubscriberSecrets = { readonly privateKey: Buffer; readonly auth: Buffer };

export function newSubscriberSecrets(): SubscriberSecrets {
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  return { privateKey: pair.getPrivateKey(), auth: randomBytes(16) };
}

/** The uncompressed point that belongs to the private key. */
export function publicKeyOf({ privateKey }: Pick<SubscriberSecrets, "privateKey">): Buffer {
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(privateKey);
  return pair.getPublicKey();
}

const SALT_BYTES = 16;
const HEAD_BYTES = SALT_BYTES + 4 + 1;
const TAG_BYTES = 16;
/** Of the last record (RFC 8188 section 2). */
const LAST = 2;

const derive = (salt: Buffer, secret: Buffer, info: Buffer, bytes: number): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, salt, info, bytes));

/**
 * Decrypts the body of a push: aes128gcm (RFC 8188) in a single record, as RFC 8291 section 4 wants it, with its padding
 * taken off. Throws when it is none.
 */
export function decryptPush(body: Buffer, { privateKey, auth }: SubscriberSecrets): Buffer {
  const salt = body.subarray(0, SALT_BYTES);
  const recordBytes = body.readUInt32BE(SALT_BYTES);
  const keyBytes = body.readUInt8(SALT_BYTES + 4);
  if (keyBytes !== 65) throw new Error(`a key of ${keyBytes} bytes`);
  const senderKey = body.subarray(HEAD_BYTES, HEAD_BYTES + keyBytes);
  const record = body.subarray(HEAD_BYTES + keyBytes);
  if (record.length > recordBytes) throw new Error("more than one record");

  const pair = createECDH("prime256v1");
  pair.setPrivateKey(privateKey);
  const keyInfo = Buffer.concat([Buffer.from("WebPush: info\0"), pair.getPublicKey(), senderKey]);
  const secret = derive(auth, pair.computeSecret(senderKey), keyInfo, 32);
  const key = derive(salt, secret, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const nonce = derive(salt, secret, Buffer.from("Content-Encoding: nonce\0"), 12);

  const decipher = createDecipheriv("aes-128-gcm", key, nonce);
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== LAST) throw new Error("no sign of the last record");
  return padded.subarray(0, end);
}
