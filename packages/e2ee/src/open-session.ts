import type { SessionType } from "@privacyresearch/libsignal-protocol-typescript";
import type { DeviceAddress } from "./address.ts";
import { equalBytes, exactBuffer } from "./bytes.ts";
import { isRegistrationId } from "./device-list.ts";
import { type Initiation, isKeyId } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import {
  type CurveKeyPair,
  generateCurveKeyPair,
  getOwnDevice,
  isPublicKey,
  type OwnDevice,
} from "./identity.ts";
import { encapsulate, KEM_PUBLIC_KEY_LENGTH } from "./kem.ts";
import { libraryStorage, sessionBuilder } from "./library-storage.ts";
import { deriveLayerKeys, initiationHash } from "./pq-layer.ts";
import { kemPrekeySignedBytes, type PublicPrekey, type SignedPublicPrekey } from "./prekeys.ts";
import { inSessionQueue } from "./session-queue.ts";
import { loadSessions, putOpenSession, type SessionLayer, saveSessions } from "./session-rows.ts";
import type { Transaction } from "./store.ts";
import { verifyXeddsa } from "./xeddsa.ts";

/** What the server hands out to start a session with one device. */
export type PrekeyBundle = {
  readonly deviceId: string;
  readonly registrationId: number;
  readonly identityKey: Uint8Array;
  readonly signedPrekey: SignedPublicPrekey;
  readonly oneTimePrekey?: PublicPrekey;
  /** `lastResort` is the server's word and changes nothing here: the responder knows its own keys. */
  readonly kemPrekey: SignedPublicPrekey & { readonly lastResort: boolean };
};

function requireKey(isValid: boolean, what: string): void {
  if (!isValid) throw new E2eeError("bad_bundle", `${what} is malformed`);
}

function checkForm(bundle: PrekeyBundle): void {
  const { signedPrekey, oneTimePrekey, kemPrekey } = bundle;
  // The library never reports a session without a registration id as open.
  requireKey(isRegistrationId(bundle.registrationId), "the registration id");
  requireKey(isPublicKey(bundle.identityKey), "the identity key");
  requireKey(isKeyId(signedPrekey.keyId) && isPublicKey(signedPrekey.publicKey), "the signed prekey");
  if (oneTimePrekey !== undefined) {
    requireKey(isKeyId(oneTimePrekey.keyId) && isPublicKey(oneTimePrekey.publicKey), "the one-time prekey");
  }
  requireKey(
    isKeyId(kemPrekey.keyId) && kemPrekey.publicKey.length === KEM_PUBLIC_KEY_LENGTH,
    "the KEM prekey",
  );
}

function checkSignatures({ identityKey, signedPrekey, kemPrekey }: PrekeyBundle): void {
  const key = identityKey.slice(1);
  if (!verifyXeddsa(key, signedPrekey.publicKey, signedPrekey.signature)) {
    throw new E2eeError("bad_signature", "the signed prekey is not signed by the identity key");
  }
  if (!verifyXeddsa(key, kemPrekeySignedBytes(kemPrekey), kemPrekey.signature)) {
    throw new E2eeError("bad_signature", "the KEM prekey is not signed by the identity key");
  }
}

async function agree(
  device: OwnDevice,
  address: DeviceAddress,
  bundle: PrekeyBundle,
  base: CurveKeyPair,
): Promise<SessionType> {
  const { identityKey, signedPrekey, oneTimePrekey, registrationId } = bundle;
  const session = await sessionBuilder(libraryStorage(device), address).startSessionAsInitiator(
    { pubKey: exactBuffer(base.publicKey), privKey: exactBuffer(base.privateKey) },
    exactBuffer(identityKey),
    exactBuffer(signedPrekey.publicKey),
    oneTimePrekey === undefined ? undefined : exactBuffer(oneTimePrekey.publicKey),
    registrationId,
  );
  session.pendingPreKey = {
    baseKey: exactBuffer(base.publicKey),
    signedKeyId: signedPrekey.keyId,
    ...(oneTimePrekey === undefined ? {} : { preKeyId: oneTimePrekey.keyId }),
  };
  return session;
}

async function initiateLayer(
  device: OwnDevice,
  bundle: PrekeyBundle,
  baseKey: Uint8Array,
): Promise<SessionLayer> {
  const { ciphertext, secret } = await encapsulate(bundle.kemPrekey.publicKey);
  const initiation: Initiation = { baseKey, kemKeyId: bundle.kemPrekey.keyId, kemCiphertext: ciphertext };
  const keys = deriveLayerKeys(secret, {
    initiatorIdentity: device.publicKey,
    responderIdentity: bundle.identityKey,
    kemPublicKey: bundle.kemPrekey.publicKey,
    initiation,
  });
  return {
    sendKey: keys.fromInitiator,
    receiveKey: keys.fromResponder,
    initiationHash: initiationHash(initiation),
    pending: { kemKeyId: initiation.kemKeyId, kemCiphertext: ciphertext },
  };
}

/**
 * Starts a session with a device from its bundle; an open one is archived. `pinnedIdentityKey` is the
 * device's key on its account's verified device list. Throws `untrusted_identity`, `bad_signature`,
 * `bad_bundle`, `bad_address` (a session with oneself) or `bad_key`.
 */
export async function openBundleSession(
  tx: Transaction,
  address: DeviceAddress,
  bundle: PrekeyBundle,
  pinnedIdentityKey: Uint8Array,
): Promise<void> {
  const device = await getOwnDevice(tx);
  checkForm(bundle);
  if (bundle.deviceId !== address.deviceId)
    throw new E2eeError("bad_bundle", "the bundle is of another device");
  if (!equalBytes(bundle.identityKey, pinnedIdentityKey)) {
    throw new E2eeError("untrusted_identity", "the bundle's identity key is not the listed one");
  }
  if (equalBytes(bundle.identityKey, device.publicKey)) {
    throw new E2eeError("bad_address", "a device has no session with itself");
  }
  checkSignatures(bundle);
  const base = await generateCurveKeyPair();
  const session = await agree(device, address, bundle, base);
  const layer = await initiateLayer(device, bundle, base.publicKey);
  await inSessionQueue(tx, async () => {
    const sessions = await loadSessions(tx, address);
    putOpenSession(sessions, session, layer);
    saveSessions(tx, address, sessions);
  });
}
