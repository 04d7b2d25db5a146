import { SessionRecord } from "@privacyresearch/libsignal-protocol-typescript/lib/session-record.js";
import { exactBuffer, fromBinaryString, toBinaryString } from "../src/bytes.ts";
import { decodeEnvelope } from "../src/envelope.ts";
import { generateCurveKeyPair, getOwnDevice } from "../src/identity.ts";
import { encapsulate } from "../src/kem.ts";
import { libraryStorage, sessionBuilder, sessionCipher } from "../src/library-storage.ts";
import { encodePayload } from "../src/payload.ts";
import { deriveLayerKeys, openLayer, sealLayer } from "../src/pq-layer.ts";
import { findOpenSession, loadSessions } from "../src/session-rows.ts";
import { type Person, payload } from "./person.ts";

type Alter = (signalMessage: Uint8Array) => Uint8Array;
const unaltered: Alter = (message) => message;

/** Flips the last bit: of the MAC, in every Signal message. */
export const damageMac: Alter = (message) => {
  const damaged = message.slice();
  damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
  return damaged;
};

/**
 * What an attacker with keys of his own can send to start a session: a well-formed outer layer that claims
 * any identity and base key, around a Signal message of his own making.
 */
export async function forgeFirstMessage(
  attacker: Person,
  victim: Person,
  claims: { identity?: Uint8Array; baseKey?: Uint8Array; alter?: Alter },
): Promise<Uint8Array> {
  const bundle = victim.published.claim();
  const device = await attacker.transactor.transact((tx) => getOwnDevice(tx));
  const base = await generateCurveKeyPair();
  const storage = libraryStorage(device);
  const session = await sessionBuilder(storage, victim.address).startSessionAsInitiator(
    { pubKey: exactBuffer(base.publicKey), privKey: exactBuffer(base.privateKey) },
    exactBuffer(bundle.identityKey),
    exactBuffer(bundle.signedPrekey.publicKey),
    bundle.oneTimePrekey && exactBuffer(bundle.oneTimePrekey.publicKey),
    bundle.registrationId,
  );
  session.pendingPreKey = {
    baseKey: exactBuffer(base.publicKey),
    signedKeyId: bundle.signedPrekey.keyId,
    preKeyId: bundle.oneTimePrekey?.keyId ?? 0,
  };
  const record = new SessionRecord();
  record.sessions[toBinaryString(base.publicKey)] = session;
  storage.record = record.serialize();
  const { body = "" } = await sessionCipher(storage, victim.address).encrypt(
    exactBuffer(encodePayload(payload())),
  );
  const { ciphertext, secret } = await encapsulate(bundle.kemPrekey.publicKey);
  const baseKey = claims.baseKey ?? base.publicKey;
  const initiation = { baseKey, kemKeyId: bundle.kemPrekey.keyId, kemCiphertext: ciphertext };
  const { fromInitiator } = deriveLayerKeys(secret, {
    initiatorIdentity: claims.identity ?? device.publicKey,
    responderIdentity: bundle.identityKey,
    kemPublicKey: bundle.kemPrekey.publicKey,
    initiation,
  });
  return sealLayer(fromInitiator, (claims.alter ?? unaltered)(fromBinaryString(body)), initiation);
}

/** Opens the outer layer of an envelope with its sender's key, alters the Signal message, and seals it again. */
export async function alterInside(
  from: Person,
  to: Person,
  envelope: Uint8Array,
  alter: Alter,
): Promise<Uint8Array> {
  const open = await from.transactor.transact(async (tx) =>
    findOpenSession(await loadSessions(tx, to.address)),
  );
  if (open === undefined) throw new Error("The sender has no session");
  const decoded = decodeEnvelope(envelope);
  const message = openLayer(open.layer.sendKey, decoded);
  if (message === undefined) throw new Error("The envelope is not of the open session");
  return sealLayer(open.layer.sendKey, alter(message), decoded.initiation);
}
