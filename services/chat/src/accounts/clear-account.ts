import type { ChatContext } from "../context.ts";
import { lockDeviceSet } from "../devices/account-lock.ts";
import { deleteDevice, listDevices } from "../devices/device-queries.ts";
import { limitKeysOf } from "../limits.ts";
import {
  deleteAccountRow,
  deleteLimits,
  deleteOldestMail,
  deleteOldLists,
  deleteSomeBlocks,
  deleteSomeContacts,
  leaveSomeConversations,
  markCleared,
} from "./deletion-queries.ts";

/** Rows that one transaction deletes, so that none holds locks for long. */
const BATCH = 500;

export type ClearContext = Pick<ChatContext, "db" | "closeDevice" | "news">;

/**
 * Deletes everything of an account that is marked as deleted but its messages, in bounded transactions. Whatever ends
 * it in the middle, doing it again goes on where it stood; two at once do no harm. Others' messages to the account go
 * with its mailboxes; its own messages to others go on waiting at their devices.
 */
export async function clearAccount(context: ClearContext, accountId: string): Promise<void> {
  const { db, news } = context;
  await removeDevices(context, accountId);
  await untilNone(() => deleteOldLists(db, accountId, { keep: BATCH, limit: BATCH }));
  // With the newest lists, whose chain others follow as long as there is an account.
  await db.transaction().execute((tx) => deleteAccountRow(tx, accountId));
  await untilNone(async () => {
    const deleted = await deleteSomeContacts(db, accountId, BATCH);
    news.tell(deleted.filter(({ wasSeen }) => wasSeen).map((contact) => contact.accountId));
    return deleted.length;
  });
  await untilNone(() => deleteSomeBlocks(db, accountId, BATCH));
  await untilNone(() => db.transaction().execute((tx) => leaveSomeConversations(tx, accountId, BATCH)));
  await deleteLimits(db, limitKeysOf(accountId));
  await markCleared(db, accountId);
}

/** Connections end when their device is gone; those that are not told find out by the sweep. */
async function removeDevices({ db, closeDevice }: ClearContext, accountId: string): Promise<void> {
  for (const { device_id: deviceId, session_id: sessionId } of await listDevices(db, accountId)) {
    await untilNone(() => deleteOldestMail(db, deviceId, BATCH), BATCH);
    await db.transaction().execute(async (tx) => {
      await lockDeviceSet(tx, accountId);
      await deleteDevice(tx, deviceId);
    });
    if (sessionId) closeDevice({ deviceId, sessionId }, "device_removed");
  }
}

/** Repeats until fewer than `enough` were found: 1 where nothing comes after. */
async function untilNone(deleteSome: () => Promise<number>, enough = 1): Promise<void> {
  while ((await deleteSome()) >= enough);
}
