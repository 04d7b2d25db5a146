import type { DeviceMismatch, SendMessageRequest } from "@sotto/contracts/message-api";

/** Devices of the members of one conversation, as they are in the storing transaction: account to device to registration id. */
export type Roster = ReadonlyMap<string, ReadonlyMap<string, number>>;

type Recipient = SendMessageRequest["recipients"][number];
type AccountMismatch = DeviceMismatch[number];

const NO_DEVICES: ReadonlyMap<string, number> = new Map();

/**
 * Compares the envelopes of a message with the devices that must get one: every device of every member but the
 * sending device itself. An empty answer means that every member is named and that both are the same set, with the
 * same registration ids.
 */
export function findMismatches(
  recipients: readonly Recipient[],
  roster: Roster,
  senderDeviceId: string,
): DeviceMismatch {
  const mismatches: DeviceMismatch = [];
  const named = new Set<string>();
  for (const recipient of recipients) {
    named.add(recipient.accountId);
    const mismatch = compareAccount(recipient, roster.get(recipient.accountId) ?? NO_DEVICES, senderDeviceId);
    if (mismatch) mismatches.push(mismatch);
  }
  for (const [accountId, devices] of roster) {
    // Also when it has no device: the device sets of named accounts alone are kept from changing until the commit.
    if (!named.has(accountId)) mismatches.push(leftOut(accountId, devices, senderDeviceId));
  }
  return mismatches;
}

function compareAccount(
  recipient: Recipient,
  actual: ReadonlyMap<string, number>,
  senderDeviceId: string,
): AccountMismatch | undefined {
  const extra: AccountMismatch["extra"] = [];
  const stale: AccountMismatch["stale"] = [];
  const addressed = new Set<string>([senderDeviceId]);
  for (const { deviceId, registrationId } of recipient.devices) {
    const current = deviceId === senderDeviceId ? undefined : actual.get(deviceId);
    if (current === undefined) extra.push(deviceId);
    else if (current !== registrationId) stale.push({ deviceId, registrationId: current });
    addressed.add(deviceId);
  }
  const missing: AccountMismatch["missing"] = [];
  for (const [deviceId, registrationId] of actual) {
    if (!addressed.has(deviceId)) missing.push({ deviceId, registrationId });
  }
  if (missing.length + extra.length + stale.length === 0) return undefined;
  return { accountId: recipient.accountId, missing, extra, stale };
}

function leftOut(
  accountId: string,
  actual: ReadonlyMap<string, number>,
  senderDeviceId: string,
): AccountMismatch {
  const needed = [...actual].filter(([deviceId]) => deviceId !== senderDeviceId);
  const missing = needed.map(([deviceId, registrationId]) => ({ deviceId, registrationId }));
  return { accountId, missing, extra: [], stale: [] };
}
