import type { DeviceAddress } from "./address.ts";
import { equalBytes, exactBuffer } from "./bytes.ts";
import { decodeEnvelope, type Envelope, type Initiation } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import { getOwnDevice, type OwnDevice } from "./identity.ts";
import { libraryStorage, sessionCipher } from "./library-storage.ts";
import { decodePayload, type EnvelopePayload } from "./payload.ts";
import { isSameInitiation, openLayer } from "./pq-layer.ts";
import { refuseReplay, respondLayer, respondSession, spendPrekeys } from "./respond-session.ts";
import { inSessionQueue } from "./session-queue.ts";
import {
  type DeviceSessions,
  findByBaseKey,
  type LayeredSession,
  listSessions,
  loadSessions,
  pruneChains,
  putOpenSession,
  replaceSession,
  type SessionLayer,
  saveSessions,
} from "./session-rows.ts";
import { type InitialMessage, readInitialMessage, readRatchetKey } from "./signal-message.ts";
import type { Transaction } from "./store.ts";

/** The library's BaseKeyType.THEIRS. */
const STARTED_BY_THEM = 2;

/** What one attempt works with. */
type Attempt = {
  tx: Transaction;
  device: OwnDevice;
  sender: DeviceAddress;
  pinned: Uint8Array;
  sessions: DeviceSessions;
};

/** A session that a message fits, before the message is decrypted. */
type Match = LayeredSession & {
  message: Uint8Array;
  /** Present when the message starts the session. */
  start?: { initiation: Initiation; initial: InitialMessage };
};

function requirePinned(identityKey: Uint8Array, pinned: Uint8Array): void {
  if (!equalBytes(identityKey, pinned)) {
    throw new E2eeError(
      "untrusted_identity",
      "the message is under another identity key than the listed one",
    );
  }
}

function openedInitial(
  message: Uint8Array | undefined,
  { pinned }: Attempt,
  baseKey: Uint8Array,
): InitialMessage {
  if (message === undefined) throw new E2eeError("decrypt_failed", "the outer layer does not open");
  const initial = readInitialMessage(message);
  requirePinned(initial.identityKey, pinned);
  if (!equalBytes(initial.baseKey, baseKey)) {
    throw new E2eeError("bad_envelope", "the message belongs to another session than its envelope says");
  }
  return initial;
}

/** The session that a repeated first message belongs to. */
function matchStarted(
  attempt: Attempt,
  known: LayeredSession,
  envelope: Envelope,
  initiation: Initiation,
): Match {
  const { session, layer } = known;
  const isTheirs = session.indexInfo.baseKeyType === STARTED_BY_THEM;
  if (!isTheirs || !isSameInitiation(layer.initiationHash, initiation)) {
    throw new E2eeError("bad_envelope", "the base key belongs to another session");
  }
  const { message } = openedInitial(openLayer(layer.receiveKey, envelope), attempt, initiation.baseKey);
  return { session, layer, message };
}

async function matchInitial(attempt: Attempt, envelope: Envelope, initiation: Initiation): Promise<Match> {
  const { tx, device, sender, pinned, sessions } = attempt;
  const known = findByBaseKey(sessions, initiation.baseKey);
  if (known !== undefined) return matchStarted(attempt, known, envelope, initiation);
  const layer = await respondLayer(tx, device, pinned, initiation);
  const initial = openedInitial(openLayer(layer.receiveKey, envelope), attempt, initiation.baseKey);
  await refuseReplay(tx, initiation, initial);
  const session = await respondSession(tx, device, sender, initial);
  return { session, layer, message: initial.message, start: { initiation, initial } };
}

/**
 * Each session's outer key is tried, at some microseconds each; the Signal layer then works on the one
 * session that the message is for. Junk does not reach a ratchet at all.
 */
function matchOrdinary({ sessions, pinned }: Attempt, envelope: Envelope): Match {
  const candidates = listSessions(sessions);
  if (candidates.length === 0) throw new E2eeError("no_session", "there is no session with this device");
  for (const { session, layer } of candidates) {
    const message = openLayer(layer.receiveKey, envelope);
    if (message === undefined) continue;
    requirePinned(new Uint8Array(session.indexInfo.remoteIdentityKey), pinned);
    return { session, layer, message };
  }
  throw new E2eeError("decrypt_failed", "no session's outer layer opens the envelope");
}

function asE2eeError(error: unknown, layer: SessionLayer, ratchetKey: Uint8Array): E2eeError {
  if (error instanceof E2eeError) return error;
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  if (name === "MessageCounterError" && layer.hasForgotten !== true) {
    return new E2eeError("duplicate", "this message was decrypted before", { ratchetKey });
  }
  const code = message.startsWith("Over 2000") ? "too_far_ahead" : "decrypt_failed";
  return new E2eeError(code, "the Signal layer refused the message", { cause: error, ratchetKey });
}

/**
 * The library steps the ratchet before it checks the MAC, so a failure leaves the session damaged. It is
 * this attempt's own copy, read from its row: only `keep` writes it back.
 */
async function decryptSignal(
  { device, sender }: Attempt,
  { session, layer, message }: Match,
): Promise<Uint8Array> {
  const ratchetKey = readRatchetKey(message);
  const cipher = sessionCipher(libraryStorage(device), sender);
  try {
    return new Uint8Array(await cipher.doDecryptWhisperMessage(exactBuffer(message), session));
  } catch (error) {
    throw asE2eeError(error, layer, ratchetKey);
  }
}

function advancedLayer({ pending: _answered, ...layer }: SessionLayer, hasForgotten: boolean): SessionLayer {
  return hasForgotten ? { ...layer, hasForgotten } : layer;
}

/** The only place where decrypting writes: after the message has proven genuine. */
async function keep(attempt: Attempt, match: Match, keepUsedPrekeys: boolean): Promise<void> {
  const { tx, sender, sessions } = attempt;
  const { session, start } = match;
  const layer = advancedLayer(match.layer, pruneChains(session));
  // The session last heard on is the one to answer on, so that crossing initiations settle on one.
  if (layer.isRetired === true) replaceSession(sessions, session, layer);
  else putOpenSession(sessions, session, layer);
  saveSessions(tx, sender, sessions);
  if (start !== undefined) await spendPrekeys(tx, start.initiation, start.initial, keepUsedPrekeys);
}

async function decryptNext(
  tx: Transaction,
  sender: DeviceAddress,
  envelope: Uint8Array,
  pinned: Uint8Array,
  keepUsedPrekeys: boolean,
): Promise<EnvelopePayload> {
  const decoded = decodeEnvelope(envelope);
  const device = await getOwnDevice(tx);
  const sessions = await loadSessions(tx, sender);
  const attempt: Attempt = { tx, device, sender, pinned, sessions };
  const match =
    decoded.initiation === undefined
      ? matchOrdinary(attempt, decoded)
      : await matchInitial(attempt, decoded, decoded.initiation);
  const payload = decodePayload(await decryptSignal(attempt, match));
  await keep(attempt, match, keepUsedPrekeys);
  return payload;
}

/**
 * Decrypts an envelope that came from `sender`. `pinnedIdentityKey` is that device's key on its account's
 * verified list. Session, used prekeys and whatever else the caller writes commit together; on an error
 * nothing is written. With `keepUsedPrekeys`, for the time of catching up with a backlog, one-time keys stay
 * until `dropUsedPrekeys`.
 *
 * Throws `duplicate` (decrypted before: acknowledge), `replayed` (started a session that is gone),
 * `untrusted_identity`, `no_session`, `unknown_prekey`, `decrypt_failed`, `too_far_ahead` or `bad_envelope`.
 */
export function decryptEnvelope(
  tx: Transaction,
  sender: DeviceAddress,
  envelope: Uint8Array,
  pinnedIdentityKey: Uint8Array,
  options: { keepUsedPrekeys?: boolean } = {},
): Promise<EnvelopePayload> {
  const keepUsedPrekeys = options.keepUsedPrekeys ?? false;
  return inSessionQueue(tx, () => decryptNext(tx, sender, envelope, pinnedIdentityKey, keepUsedPrekeys));
}
