import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { appendEvents, type NewEvent } from "@sotto/platform/outbox";
import type { Transaction } from "kysely";
import type { ChatContext } from "../context.ts";
import {
  getTime,
  listTold,
  listToldSiblings,
  markTold,
  resetAttended,
  type WaitingDevice,
} from "./waiting-queries.ts";

/** Smaller than every device id. */
const START = "00000000-0000-0000-0000-000000000000";

type Round = {
  /** Devices with mail that this round is about. */
  readonly deviceIds: readonly string[];
  readonly toldAfter: string;
  readonly devicesPerRound: number;
};

/**
 * Tells of accounts that messages wait for while nobody of them is there (`chat.inbox-waiting`), and of such that were
 * told of and have been there since (`chat.inbox-attended`). Connections, acknowledgements and reads only leave their
 * time; it is compared here, so that they cost no event, and an end of the process between the two loses none. The
 * caller holds the upkeep's lock. Answers the told device behind which the next round looks.
 */
export async function tellWaiting(
  tx: Transaction<ChatDatabase>,
  { clock, ids, config, figures }: Pick<ChatContext, "clock" | "ids" | "config" | "figures">,
  { deviceIds, toldAfter, devicesPerRound }: Round,
): Promise<string> {
  const graceSeconds = config.WAITING_GRACE_SECONDS;
  const page = await listTold(tx, toldAfter, devicesPerRound);
  // Of whoever may be told in this round it must be known whether an earlier telling is over.
  const told = [...new Set([...page, ...(await listToldSiblings(tx, deviceIds))])];
  const attended = told.length === 0 ? [] : await resetAttended(tx, told, graceSeconds);
  const waiting = await markTold(tx, deviceIds, { graceSeconds, exceptAccounts: attended });
  const events = [...attended.map(toAttended), ...waiting.map(toWaiting)];
  if (events.length > 0) {
    // By the database's clock: whoever hears of both compares their times, and nodes may differ.
    const now = await getTime(tx);
    await appendEvents(tx, { ids, clock: { ...clock, now: () => now } }, events);
  }
  figures.told.inc({ kind: "waiting" }, waiting.length);
  figures.told.inc({ kind: "attended" }, attended.length);
  return page.length < devicesPerRound ? START : (page.at(-1) ?? START);
}

function toAttended(accountId: string): NewEvent<"chat.inbox-attended"> {
  return { type: "chat.inbox-attended", key: accountId, data: { accountId } };
}

function toWaiting({ accountId, deviceId, waiting }: WaitingDevice): NewEvent<"chat.inbox-waiting"> {
  return { type: "chat.inbox-waiting", key: accountId, data: { accountId, deviceId, waiting } };
}
