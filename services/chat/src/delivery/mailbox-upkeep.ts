import { appendEvents, type NewEvent } from "@sotto/platform/outbox";
import type { ChatContext } from "../context.ts";
import {
  deleteExpired,
  deleteExpiredLimits,
  deleteGoneNodes,
  deleteOverflow,
  listDevicesWithMail,
  listOverdue,
  markTold,
  openGaps,
  tryLockUpkeep,
  type WaitingDevice,
} from "./mailbox-upkeep-queries.ts";

export type UpkeepDeps = Pick<ChatContext, "db" | "clock" | "ids" | "config" | "figures">;

/** Smaller than every device id. */
const START = "00000000-0000-0000-0000-000000000000";

/**
 * One round over the mailboxes of the next devices: drops what is too old or too much and opens a gap for whoever lost
 * something, and tells by `chat.inbox-waiting` of devices that stay away from their mail. One transaction, at one node
 * at a time. Answers where the next round begins; a round that another node holds off stays where it is.
 */
export async function keepMailboxes(
  deps: UpkeepDeps,
  after = START,
  devicesPerRound = 1000,
): Promise<string> {
  const { config } = deps;
  let gaps = 0;
  const next = await deps.db.transaction().execute(async (tx) => {
    if (!(await tryLockUpkeep(tx))) return after;
    const deviceIds = await listDevicesWithMail(tx, after, devicesPerRound);
    if (deviceIds.length === 0) return START;
    const expired = await deleteExpired(tx, deviceIds, config.MAILBOX_DAYS);
    const overflowed = await deleteOverflow(tx, deviceIds, config.MAILBOX_ENVELOPES);
    const losers = [...new Set([...expired, ...overflowed])];
    if (losers.length > 0) await openGaps(tx, losers);
    gaps = losers.length;
    const overdue = await listOverdue(tx, deviceIds, config.WAITING_GRACE_SECONDS);
    const told = overdue.length === 0 ? [] : await markTold(tx, overdue, config.WAITING_GRACE_SECONDS);
    await appendEvents(tx, deps, told.map(toEvent));
    return deviceIds.length < devicesPerRound ? START : (deviceIds.at(-1) ?? START);
  });
  deps.figures.gapsOpened.inc(gaps);
  return next;
}

function toEvent({ accountId, deviceId, waiting }: WaitingDevice): NewEvent<"chat.inbox-waiting"> {
  return { type: "chat.inbox-waiting", key: accountId, data: { accountId, deviceId, waiting } };
}

/** Forgets nodes that are long gone and limits that have run out. One node at a time. */
export async function clearLeftovers(deps: Pick<UpkeepDeps, "db" | "clock">): Promise<void> {
  await deps.db.transaction().execute(async (tx) => {
    if (!(await tryLockUpkeep(tx))) return;
    await deleteGoneNodes(tx);
    await deleteExpiredLimits(tx, deps.clock.now().getTime());
  });
}
