import { ACCESS_TOKEN_SECONDS } from "@sotto/contracts/access-token";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";
import type { ChatContext } from "../context.ts";
import { deleteRevokedBefore } from "../devices/session-queries.ts";
import {
  deleteExpired,
  deleteExpiredLimits,
  deleteGoneNodes,
  deleteOverflow,
  getNewestEnvelopeId,
  listDevicesWithMail,
  listGrown,
  openGaps,
  tryLockUpkeep,
} from "./mailbox-upkeep-queries.ts";
import { tellWaiting } from "./tell-waiting.ts";

export type UpkeepDeps = Pick<ChatContext, "db" | "clock" | "ids" | "config" | "figures">;

/** Smaller than every device id. */
const START = "00000000-0000-0000-0000-000000000000";

/** How far the upkeep has come. */
export type UpkeepCursor = {
  /** The device behind which the next round begins. */
  readonly after: string;
  /**
   * Newest envelope ids at the start of this course over all devices, of the one before it, and of the one before that.
   * Mailboxes without newer mail than the last have not grown; one whose mail commits later still is found when it grows
   * again.
   */
  readonly newest: readonly [number, number, number];
  /** The told device behind which the next round looks for such whose account has been there since. */
  readonly toldAfter: string;
};

export const FIRST_ROUND: UpkeepCursor = { after: START, newest: [0, 0, 0], toldAfter: START };

/**
 * One round over the mailboxes of the next devices: drops what is too old or too much and opens a gap for whoever lost
 * something, and tells of devices that stay away from their mail, and of those that are back (tell-waiting.ts). One
 * transaction, at one node at a time. Answers where the next round begins; a round that another node holds off stays where it is.
 */
export async function keepMailboxes(
  deps: UpkeepDeps,
  from = FIRST_ROUND,
  devicesPerRound = 1000,
): Promise<UpkeepCursor> {
  const { config } = deps;
  let gaps = 0;
  const next = await deps.db.transaction().execute(async (tx) => {
    if (!(await tryLockUpkeep(tx))) return from;
    const newest = await beginCourse(tx, from);
    const deviceIds = await listDevicesWithMail(tx, from.after, devicesPerRound);
    const expired = await deleteExpired(tx, deviceIds, config.MAILBOX_DAYS);
    const keep = config.MAILBOX_ENVELOPES;
    const grown = await listGrown(tx, deviceIds, { keep, grownAfter: newest[2] });
    const overflowed = await deleteOverflow(tx, grown, keep);
    const losers = [...new Set([...expired, ...overflowed])];
    if (losers.length > 0) await openGaps(tx, losers);
    gaps = losers.length;
    const toldAfter = await tellWaiting(tx, deps, { deviceIds, toldAfter: from.toldAfter, devicesPerRound });
    const after = deviceIds.length < devicesPerRound ? START : (deviceIds.at(-1) ?? START);
    return { after, newest, toldAfter };
  });
  deps.figures.gapsOpened.inc(gaps);
  return next;
}

async function beginCourse(
  tx: Transaction<ChatDatabase>,
  { after, newest }: UpkeepCursor,
): Promise<UpkeepCursor["newest"]> {
  if (after !== START) return newest;
  return [await getNewestEnvelopeId(tx), newest[0], newest[1]];
}

/** Longer than an access token of a revoked session can live, whoever's clock is late. */
const REVOKED_KEPT_MS = 2 * ACCESS_TOKEN_SECONDS * 1000;

/** Forgets nodes that are long gone, limits that have run out, and sessions without tokens. One node at a time. */
export async function clearLeftovers(deps: Pick<UpkeepDeps, "db" | "clock">): Promise<void> {
  await deps.db.transaction().execute(async (tx) => {
    if (!(await tryLockUpkeep(tx))) return;
    await deleteGoneNodes(tx);
    const nowMs = deps.clock.now().getTime();
    await deleteExpiredLimits(tx, nowMs);
    await deleteRevokedBefore(tx, new Date(nowMs - REVOKED_KEPT_MS));
  });
}
