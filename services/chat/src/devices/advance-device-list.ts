import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";
import { assertSuccessor, type ListedDevice, type ListHead, type VerifiedDeviceList } from "./device-list.ts";
import { insertAccount, insertDeviceList, updateListHead } from "./device-queries.ts";

/**
 * Puts the next device list of an account in force; the first one makes the account. The caller holds the lock of the
 * device set and makes the set equal to `devices` in the same transaction.
 * @throws AppError `device_list_conflict`.
 */
export async function advanceDeviceList(
  tx: Transaction<ChatDatabase>,
  account: { accountId: string; accountKey: Buffer; head: ListHead | undefined },
  list: VerifiedDeviceList,
  devices: readonly ListedDevice[],
  now: Date,
): Promise<void> {
  const { accountId, accountKey, head } = account;
  assertSuccessor(list, head, devices);
  const { version } = list.content;
  if (head) {
    await updateListHead(tx, accountId, { version, hash: list.hash });
  } else {
    await insertAccount(tx, {
      account_id: accountId,
      account_key: accountKey,
      list_version: version,
      list_hash: list.hash,
      created_at: now,
    });
  }
  await insertDeviceList(tx, {
    account_id: accountId,
    version,
    bytes: list.bytes,
    signature: list.signature,
    created_at: now,
  });
}
