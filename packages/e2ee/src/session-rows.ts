import type { SessionType } from "@privacyresearch/libsignal-protocol-typescript";
import { SessionRecord } from "@privacyresearch/libsignal-protocol-typescript/lib/session-record.js";
import { addressName, type DeviceAddress } from "./address.ts";
import { toBase64, toBinaryString } from "./bytes.ts";
import type { Transaction } from "./store.ts";
import { decodeRow, encodeRow } from "./stored-row.ts";

const TABLE = "e2ee-session";
/** Sessions that are kept for messages still under way, beside the open one. */
export const MAX_ARCHIVED_SESSIONS = 5;
/** Receiving chains that are kept beside the current one. */
export const MAX_OLD_CHAINS = 5;
/** Keys kept for messages that were skipped, over all chains of a session. */
export const MAX_SKIPPED_KEYS = 2000;
/** The library's ChainType.RECEIVING; its enum is ambient and cannot be imported as a value safely. */
const RECEIVING = 2;
const OPEN = -1;

/** What the outer layer knows of one session. It lives in the session's row and ends with the session. */
export type SessionLayer = {
  sendKey: Uint8Array;
  receiveKey: Uint8Array;
  initiationHash: Uint8Array;
  /** Set at the initiator until the first reply: what every envelope repeats. */
  pending?: { kemKeyId: number; kemCiphertext: Uint8Array };
  /** When the initiator first sent in this session; ms since the epoch. */
  firstSentAt?: number;
  /** Set when the session was given up: it still decrypts, and is never sent on again. */
  isRetired?: boolean;
  /** Set once skipped keys were dropped: a missing key no longer proves a repeat. */
  hasForgotten?: boolean;
};

/** All sessions with one device: the library's record, and our layer of each by base key (base64). */
export type DeviceSessions = { record: SessionRecord; layers: { [baseKey: string]: SessionLayer } };

/** A session of the library together with our layer. */
export type LayeredSession = { session: SessionType; layer: SessionLayer };

export async function loadSessions(tx: Transaction, address: DeviceAddress): Promise<DeviceSessions> {
  const row = await tx.get(TABLE, addressName(address));
  if (row === undefined) return { record: new SessionRecord(), layers: {} };
  const { record, layers } = decodeRow<{ record: string; layers: DeviceSessions["layers"] }>(row);
  return { record: SessionRecord.deserialize(record), layers };
}

/** Stores the sessions with a device, after bounding what they hold. */
export function saveSessions(tx: Transaction, address: DeviceAddress, sessions: DeviceSessions): void {
  pruneArchived(sessions);
  tx.put(
    TABLE,
    addressName(address),
    encodeRow({ record: sessions.record.serialize(), layers: sessions.layers }),
  );
}

/** Deletes every session with a device that left its account. */
export function deleteSessions(tx: Transaction, address: DeviceAddress): void {
  tx.delete(TABLE, addressName(address));
}

export function sessionBaseKey(session: SessionType): Uint8Array {
  return new Uint8Array(session.indexInfo.baseKey ?? new ArrayBuffer(0));
}

function withLayer(sessions: DeviceSessions, session: SessionType | undefined): LayeredSession | undefined {
  if (session === undefined) return undefined;
  const layer = sessions.layers[toBase64(sessionBaseKey(session))];
  return layer === undefined ? undefined : { session, layer };
}

export function findByBaseKey(sessions: DeviceSessions, baseKey: Uint8Array): LayeredSession | undefined {
  return withLayer(sessions, sessions.record.sessions[toBinaryString(baseKey)]);
}

/** The session to send on, if there is one. */
export function findOpenSession(sessions: DeviceSessions): LayeredSession | undefined {
  return withLayer(sessions, sessions.record.getOpenSession());
}

/** The open session first, then the archived ones, newest first. */
export function listSessions(sessions: DeviceSessions): LayeredSession[] {
  return sessions.record
    .getSessions()
    .reverse()
    .flatMap((session) => withLayer(sessions, session) ?? []);
}

/** Archives the open session. `closed` only orders the sessions, so a counter serves and no clock is needed. */
export function archiveOpen(sessions: DeviceSessions): void {
  const open = sessions.record.getOpenSession();
  if (open === undefined) return;
  const closed = Object.values(sessions.record.sessions).map((session) => session.indexInfo.closed);
  open.indexInfo.closed = Math.max(0, ...closed) + 1;
}

/** Puts a session in force; the one that was open is archived. */
export function putOpenSession(sessions: DeviceSessions, session: SessionType, layer: SessionLayer): void {
  archiveOpen(sessions);
  session.indexInfo.closed = OPEN;
  replaceSession(sessions, session, layer);
}

/** Stores a new state of a session, open or archived as it says. */
export function replaceSession(sessions: DeviceSessions, session: SessionType, layer: SessionLayer): void {
  sessions.record.sessions[toBinaryString(sessionBaseKey(session))] = session;
  sessions.layers[toBase64(sessionBaseKey(session))] = layer;
}

function pruneArchived(sessions: DeviceSessions): void {
  const archived = sessions.record.getSessions().filter((session) => session.indexInfo.closed !== OPEN);
  for (const session of archived.slice(0, Math.max(0, archived.length - MAX_ARCHIVED_SESSIONS))) {
    delete sessions.record.sessions[toBinaryString(sessionBaseKey(session))];
    delete sessions.layers[toBase64(sessionBaseKey(session))];
  }
}

/**
 * Drops receiving chains that are neither current nor among the last five; the library means to, and
 * deletes a wrong key. Then drops the oldest skipped keys beyond the bound; returns whether there were any.
 */
export function pruneChains(session: SessionType): boolean {
  session.oldRatchetList = session.oldRatchetList.slice(-MAX_OLD_CHAINS);
  const kept = [
    ...session.oldRatchetList.map((ratchet) => toBase64(new Uint8Array(ratchet.ephemeralKey))),
    toBase64(new Uint8Array(session.currentRatchet.lastRemoteEphemeralKey)),
  ];
  for (const [key, chain] of Object.entries(session.chains)) {
    if (chain.chainType === RECEIVING && !kept.includes(key)) delete session.chains[key];
  }
  return dropOldestSkipped(session, kept);
}

function dropOldestSkipped(session: SessionType, oldestFirst: readonly string[]): boolean {
  const skipped = oldestFirst.flatMap((key) => {
    const keys = session.chains[key]?.messageKeys ?? {};
    return Object.keys(keys).map((counter) => ({ keys, counter: Number(counter) }));
  });
  const excess = Math.max(0, skipped.length - MAX_SKIPPED_KEYS);
  for (const { keys, counter } of skipped.slice(0, excess)) delete keys[counter];
  return excess > 0;
}
