import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { setCurve, setWebCrypto } from "@privacyresearch/libsignal-protocol-typescript";
import { exactBuffer } from "./bytes.ts";
import { libraryCurve } from "./curve.ts";

/**
 * What the Signal library sees as WebCrypto: the platform's, but for HMAC. A ratchet step is some twenty
 * HMACs of a few bytes, and handing each to the platform costs four times the hash itself.
 */
const hmacKeys = new WeakMap<object, Uint8Array>();
const { subtle } = globalThis.crypto;

async function importKey(
  format: "raw",
  key: ArrayBuffer,
  algorithm: { name: string },
  extractable: boolean,
  usages: KeyUsage[],
): Promise<object> {
  if (algorithm.name !== "HMAC") return subtle.importKey(format, key, algorithm, extractable, usages);
  const handle = {};
  hmacKeys.set(handle, new Uint8Array(key));
  return handle;
}

async function sign(_algorithm: unknown, handle: object, data: ArrayBuffer): Promise<ArrayBuffer> {
  const key = hmacKeys.get(handle);
  if (key === undefined) throw new TypeError("Only HMAC keys of this shim can sign");
  return exactBuffer(hmac(sha256, key, new Uint8Array(data)));
}

const libraryCrypto = {
  getRandomValues: (array: Uint8Array<ArrayBuffer>) => globalThis.crypto.getRandomValues(array),
  subtle: {
    importKey,
    sign,
    encrypt: subtle.encrypt.bind(subtle),
    decrypt: subtle.decrypt.bind(subtle),
    digest: subtle.digest.bind(subtle),
  },
};

/** Gives the Signal library its primitives. Every module that calls the library imports this one first. */
export function installCrypto(): void {
  setCurve(libraryCurve);
  setWebCrypto(libraryCrypto as unknown as Crypto);
}

installCrypto();
