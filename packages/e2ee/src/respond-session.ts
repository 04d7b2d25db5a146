import type { SessionType } from "@privacyresearch/libsignal-protocol-typescript";
import type { DeviceAddress } from "./address.ts";
import { exactBuffer } from "./bytes.ts";
import type { Initiation } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import type { OwnDevice } from "./identity.ts";
import { decapsulate } from "./kem.ts";
import { libraryStorage, sessionBuilder } from "./library-storage.ts";
import { deriveLayerKeys, initiationHash } from "./pq-layer.ts";
import { rememberUse, wasUsed } from "./prekey-uses.ts";
import {
  findKemPrekey,
  findOneTimePrekey,
  findSignedPrekey,
  keepUsedPrekey,
  keyIdRow,
  prekeyTables,
} from "./prekeys.ts";
import type { SessionLayer } from "./session-rows.ts";
import type { InitialMessage } from "./signal-message.ts";
import type { Transaction } from "./store.ts";

function unknownPrekey(what: string): E2eeError {
  return new E2eeError(
    "unknown_prekey",
    `this device does not hold the ${what} that the message was made for`,
  );
}

/** Opens the KEM ciphertext of a first message: the outer layer of the session it would start. */
export async function respondLayer(
  tx: Transaction,
  device: OwnDevice,
  senderIdentity: Uint8Array,
  initiation: Initiation,
): Promise<SessionLayer> {
  const prekey = await findKemPrekey(tx, initiation.kemKeyId);
  if (prekey === undefined) throw unknownPrekey("KEM prekey");
  const secret = await decapsulate(initiation.kemCiphertext, prekey.seed);
  const keys = deriveLayerKeys(secret, {
    initiatorIdentity: senderIdentity,
    responderIdentity: device.publicKey,
    kemPublicKey: prekey.publicKey,
    initiation,
  });
  return {
    sendKey: keys.fromResponder,
    receiveKey: keys.fromInitiator,
    initiationHash: initiationHash(initiation),
  };
}

/** X3DH as the responder. Throws `unknown_prekey` where the library would go on without the missing key. */
export async function respondSession(
  tx: Transaction,
  device: OwnDevice,
  address: DeviceAddress,
  message: InitialMessage,
): Promise<SessionType> {
  const { signedPrekeyId, oneTimePrekeyId, baseKey, identityKey, registrationId } = message;
  const signed = await findSignedPrekey(tx, signedPrekeyId);
  if (signed === undefined) throw unknownPrekey("signed prekey");
  const oneTime = oneTimePrekeyId === undefined ? undefined : await findOneTimePrekey(tx, oneTimePrekeyId);
  if (oneTimePrekeyId !== undefined && oneTime === undefined) throw unknownPrekey("one-time prekey");
  return sessionBuilder(libraryStorage(device), address).startSessionWthPreKeyMessage(
    oneTime && { pubKey: exactBuffer(oneTime.publicKey), privKey: exactBuffer(oneTime.privateKey) },
    { pubKey: exactBuffer(signed.publicKey), privKey: exactBuffer(signed.privateKey) },
    {
      registrationId,
      preKeyId: oneTimePrekeyId ?? 0,
      signedPreKeyId: signedPrekeyId,
      baseKey,
      identityKey,
      message: message.message,
    },
  );
}

/** Throws `replayed` when a session was started by this very message before, with a key that survived it. */
export async function refuseReplay(
  tx: Transaction,
  initiation: Initiation,
  message: InitialMessage,
): Promise<void> {
  const { kemKeyId, baseKey } = initiation;
  if (await wasUsed(tx, { kemKeyId, signedPrekeyId: message.signedPrekeyId, baseKey })) {
    throw new E2eeError("replayed", "this message has started a session before, which is gone");
  }
}

/**
 * Takes the one-time keys of a first message out of use, after it has been decrypted. With `keep` they stay
 * until `dropUsedPrekeys`; a key that stays is guarded by remembering what it was used for.
 */
export async function spendPrekeys(
  tx: Transaction,
  initiation: Initiation,
  message: InitialMessage,
  keep: boolean,
): Promise<void> {
  const { kemKeyId, baseKey } = initiation;
  const { oneTimePrekeyId, signedPrekeyId } = message;
  const spend = (table: string, keyId: number) =>
    keep ? keepUsedPrekey(tx, table, keyId) : tx.delete(table, keyIdRow(keyId));
  if (oneTimePrekeyId !== undefined) spend(prekeyTables.ec, oneTimePrekeyId);
  const isLastResort = (await findKemPrekey(tx, kemKeyId))?.isLastResort ?? false;
  if (!isLastResort) spend(prekeyTables.kem, kemKeyId);
  if (isLastResort || keep) rememberUse(tx, { kemKeyId, signedPrekeyId, baseKey });
}
