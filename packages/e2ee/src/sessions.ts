import type { DeviceAddress } from "./address.ts";
import { equalBytes } from "./bytes.ts";
import { isStaleSession } from "./encrypt-envelope.ts";
import { inSessionQueue } from "./session-queue.ts";
import {
  archiveOpen,
  deleteSessions,
  findOpenSession,
  type LayeredSession,
  loadSessions,
  saveSessions,
} from "./session-rows.ts";
import type { Transaction } from "./store.ts";

function isUsable(open: LayeredSession, options: { now?: number; pinnedIdentityKey?: Uint8Array }): boolean {
  const { now, pinnedIdentityKey } = options;
  if (now !== undefined && isStaleSession(open, now)) return false;
  const identity = new Uint8Array(open.session.indexInfo.remoteIdentityKey);
  return pinnedIdentityKey === undefined || equalBytes(identity, pinnedIdentityKey);
}

/**
 * Whether there is a session to send on. With `now` (ms), one that went unanswered for 30 days does not
 * count; with `pinnedIdentityKey`, one with another identity does not.
 */
export async function hasSession(
  tx: Transaction,
  address: DeviceAddress,
  options: { now?: number; pinnedIdentityKey?: Uint8Array } = {},
): Promise<boolean> {
  const open = findOpenSession(await loadSessions(tx, address));
  return open !== undefined && isUsable(open, options);
}

/** Our ratchet key of the open session: what the next envelope will carry. */
export async function currentRatchetKey(
  tx: Transaction,
  address: DeviceAddress,
): Promise<Uint8Array | undefined> {
  const open = findOpenSession(await loadSessions(tx, address));
  const pair = open?.session.currentRatchet.ephemeralKeyPair;
  return pair === undefined ? undefined : new Uint8Array(pair.pubKey);
}

/**
 * Gives up the open session, for healing: it still decrypts what is under way, and is never sent on again.
 * With `ifRatchetKey`, only when that is the open session's current ratchet key, so that a late complaint
 * about an older session does not end a healthy one. Returns whether a session was given up.
 */
export function archiveSession(
  tx: Transaction,
  address: DeviceAddress,
  options: { ifRatchetKey?: Uint8Array } = {},
): Promise<boolean> {
  return inSessionQueue(tx, () => retireOpen(tx, address, options.ifRatchetKey));
}

async function retireOpen(
  tx: Transaction,
  address: DeviceAddress,
  ifRatchetKey: Uint8Array | undefined,
): Promise<boolean> {
  const sessions = await loadSessions(tx, address);
  const open = findOpenSession(sessions);
  if (open === undefined) return false;
  const current = new Uint8Array(open.session.currentRatchet.ephemeralKeyPair?.pubKey ?? new ArrayBuffer(0));
  if (ifRatchetKey !== undefined && !equalBytes(current, ifRatchetKey)) return false;
  open.layer.isRetired = true;
  archiveOpen(sessions);
  saveSessions(tx, address, sessions);
  return true;
}

/** Deletes every session with a device that has left its account's list. */
export async function forgetDevice(tx: Transaction, address: DeviceAddress): Promise<void> {
  deleteSessions(tx, address);
}
