import type { AccountDevices } from "@sotto/contracts/device-api";
import { AppError } from "@sotto/platform/app-error";
import type { DeviceContext } from "./device-context.ts";
import { findAccount, listDeviceLists } from "./device-queries.ts";

/**
 * The account key and the signed device lists newer than version `since`, oldest first; none when `since` is in force.
 * @throws AppError `not_found` for an account without keys; one that the caller may not reach must answer the same.
 */
export async function listAccountDevices(
  context: Pick<DeviceContext, "db">,
  accountId: string,
  since: number,
): Promise<AccountDevices> {
  const account = await findAccount(context.db, accountId);
  if (!account) throw accountUnreachable();
  const lists = await listDeviceLists(context.db, accountId, since);
  return {
    accountId,
    accountKey: account.account_key.toString("base64"),
    deviceLists: lists.map(({ bytes, signature }) => ({
      bytes: bytes.toString("base64"),
      signature: signature.toString("base64"),
    })),
  };
}

/** The one answer about an account without keys, without that device, or out of the caller's reach. */
export function accountUnreachable(): AppError {
  return new AppError("not_found", "There is no such account, or it has no such device.");
}
