import "./install-crypto.ts";
import {
  SessionBuilder,
  SessionCipher,
  SignalProtocolAddress,
  type StorageType,
} from "@privacyresearch/libsignal-protocol-typescript";
import { SessionLock } from "@privacyresearch/libsignal-protocol-typescript/lib/session-lock.js";
import { addressName, type DeviceAddress } from "./address.ts";
import { exactBuffer } from "./bytes.ts";
import type { OwnDevice } from "./identity.ts";

/**
 * The library's view of the store: our identity, and one session record that it may read and replace in
 * memory. It reaches no store. Trust, prekeys and the decision what is kept are ours, so the parts of the
 * library that take them (processPreKey, processV3, decryptPreKeyWhisperMessage) are not called at all.
 */
export type LibraryStorage = StorageType & { record: string | undefined };

function unused(name: string): () => Promise<never> {
  return () => Promise.reject(new Error(`The Signal library called ${name}, which this engine does itself`));
}

export function libraryStorage(device: OwnDevice, record?: string): LibraryStorage {
  const storage: LibraryStorage = {
    record,
    getIdentityKeyPair: async () => ({
      pubKey: exactBuffer(device.publicKey),
      privKey: exactBuffer(device.privateKey),
    }),
    getLocalRegistrationId: async () => device.registrationId,
    loadSession: async () => storage.record,
    storeSession: async (_address, serialized) => {
      storage.record = serialized;
    },
    // Asked when encrypting; the engine has compared the session's identity before it calls.
    isTrustedIdentity: async () => true,
    saveIdentity: async () => false,
    loadPreKey: unused("loadPreKey"),
    storePreKey: unused("storePreKey"),
    removePreKey: unused("removePreKey"),
    loadSignedPreKey: unused("loadSignedPreKey"),
    storeSignedPreKey: unused("storeSignedPreKey"),
    removeSignedPreKey: unused("removeSignedPreKey"),
  };
  return storage;
}

function signalAddress(address: DeviceAddress): SignalProtocolAddress {
  return new SignalProtocolAddress(addressName(address), 1);
}

export function sessionBuilder(storage: LibraryStorage, address: DeviceAddress): SessionBuilder {
  return new SessionBuilder(storage, signalAddress(address));
}

export function sessionCipher(storage: LibraryStorage, address: DeviceAddress): SessionCipher {
  return new SessionCipher(storage, signalAddress(address));
}

/** The library keeps a promise per operation, and each error, for ever in two lists. Call after every use. */
export function releaseLibraryQueue(): void {
  SessionLock._promises.length = 0;
  SessionLock.errors.length = 0;
}
