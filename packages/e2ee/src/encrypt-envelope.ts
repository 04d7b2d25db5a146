import { SessionRecord } from "@privacyresearch/libsignal-protocol-typescript/lib/session-record.js";
import type { DeviceAddress } from "./address.ts";
import { equalBytes, exactBuffer, fromBinaryString } from "./bytes.ts";
import type { Initiation } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import { getOwnDevice, type OwnDevice } from "./identity.ts";
import { libraryStorage, releaseLibraryQueue, sessionCipher } from "./library-storage.ts";
import { type EnvelopePayload, encodePayload } from "./payload.ts";
import { sealLayer } from "./pq-layer.ts";
import { getCurrentPrekeys } from "./prekeys.ts";
import { inSessionQueue } from "./session-queue.ts";
import {
  type DeviceSessions,
  findOpenSession,
  type LayeredSession,
  loadSessions,
  saveSessions,
  sessionBaseKey,
} from "./session-rows.ts";
import type { Transaction } from "./store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A device whose own signed prekey is older than this must rotate before it sends. */
export const STALE_PREKEY_MS = 14 * DAY_MS;
/** A session that nobody answered is not sent on after this. */
export const STALE_SESSION_MS = 30 * DAY_MS;

export type EncryptedEnvelope = {
  readonly envelope: Uint8Array;
  /** The recipient's; the server refuses the envelope when that device has been set up anew. */
  readonly registrationId: number;
  /** Our ratchet key for this message: what a recipient that cannot decrypt will name. */
  readonly ratchetKey: Uint8Array;
};

/** Whether the initiator has sent on a session for 30 days without an answer. */
export function isStaleSession({ layer }: LayeredSession, now: number): boolean {
  const { pending, firstSentAt } = layer;
  return pending !== undefined && firstSentAt !== undefined && now - firstSentAt > STALE_SESSION_MS;
}

async function requireFreshPrekeys(tx: Transaction, now: number): Promise<void> {
  const { signed } = await getCurrentPrekeys(tx);
  if (now - signed.createdAt > STALE_PREKEY_MS) {
    throw new E2eeError("keys_stale", "this device's signed prekey is older than 14 days: rotate it first");
  }
}

function requireUsable(
  sessions: DeviceSessions,
  now: number,
  pinned: Uint8Array | undefined,
): LayeredSession {
  const open = findOpenSession(sessions);
  if (open === undefined) throw new E2eeError("no_session", "there is no open session with this device");
  if (isStaleSession(open, now)) {
    throw new E2eeError("no_session", "the session has gone unanswered for 30 days: open a new one");
  }
  const identity = new Uint8Array(open.session.indexInfo.remoteIdentityKey);
  if (pinned !== undefined && !equalBytes(identity, pinned)) {
    throw new E2eeError("untrusted_identity", "the session is with another identity than the listed one");
  }
  return open;
}

function initiationOf({ session, layer }: LayeredSession): Initiation | undefined {
  return layer.pending === undefined ? undefined : { baseKey: sessionBaseKey(session), ...layer.pending };
}

async function encryptSignal(
  device: OwnDevice,
  address: DeviceAddress,
  sessions: DeviceSessions,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const storage = libraryStorage(device, sessions.record.serialize());
  try {
    const { body } = await sessionCipher(storage, address).encrypt(exactBuffer(plaintext));
    if (body === undefined || storage.record === undefined)
      throw new Error("The library returned no message");
    sessions.record = SessionRecord.deserialize(storage.record);
    return fromBinaryString(body);
  } finally {
    releaseLibraryQueue();
  }
}

async function encryptNext(
  tx: Transaction,
  address: DeviceAddress,
  payload: EnvelopePayload,
  now: number,
  pinnedIdentityKey: Uint8Array | undefined,
): Promise<EncryptedEnvelope> {
  const plaintext = encodePayload(payload);
  const device = await getOwnDevice(tx);
  await requireFreshPrekeys(tx, now);
  const sessions = await loadSessions(tx, address);
  const open = requireUsable(sessions, now, pinnedIdentityKey);
  const { layer, session } = open;
  const message = await encryptSignal(device, address, sessions, plaintext);
  const envelope = sealLayer(layer.sendKey, message, initiationOf(open));
  if (layer.pending !== undefined) layer.firstSentAt ??= now;
  saveSessions(tx, address, sessions);
  return {
    envelope,
    registrationId: session.registrationId ?? 0,
    ratchetKey: new Uint8Array(session.currentRatchet.ephemeralKeyPair?.pubKey ?? new ArrayBuffer(0)),
  };
}

/**
 * Encrypts a payload for one device; `now` in ms. The envelope may leave only after the transaction has
 * committed: a message key must never be used twice. Throws `no_session` (open one), `keys_stale` (rotate),
 * or `untrusted_identity` when `pinnedIdentityKey` is given and is not the session's.
 */
export function encryptEnvelope(
  tx: Transaction,
  address: DeviceAddress,
  payload: EnvelopePayload,
  now: number,
  options: { pinnedIdentityKey?: Uint8Array } = {},
): Promise<EncryptedEnvelope> {
  return inSessionQueue(tx, () => encryptNext(tx, address, payload, now, options.pinnedIdentityKey));
}
