import { limits } from "@sotto/contracts/limits";
import type { PushSubscriptionRequest } from "@sotto/contracts/notification-api";
import { AppError } from "@sotto/platform/app-error";
import { lockAccount } from "../accounts/account-queries.ts";
import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import { faultOfEndpoint, type PushHosts } from "./push-hosts.ts";
import type { DeviceOf } from "./push-queries.ts";
import { isPointOnCurve } from "./subscriber-key.ts";
import { deleteDisplaced, hasSessionEnded, upsertSubscription } from "./subscription-queries.ts";

/**
 * Pushes for a device go to this endpoint from now on; the same once more changes nothing. Whose device it is is not
 * known here: what is stored is found by account and device together, so that the id of a foreign one names nothing
 * but something of the caller.
 * @throws AppError `rate_limited`; `bad_request` for an endpoint or a key that is none; `session_revoked`
 */
export async function subscribeDevice(
  { db, clock, limits: rates, push }: Pick<NotificationContext, "db" | "clock" | "limits" | "push">,
  caller: { accountId: string; sessionId: string },
  { deviceId, endpoint, keys }: Pick<DeviceOf, "deviceId"> & PushSubscriptionRequest,
): Promise<void> {
  const { accountId, sessionId } = caller;
  await requireAccount(db, accountId);
  await rates.take("push.account", accountId);
  const url = readEndpoint(endpoint, push.hosts);
  const p256dh = Buffer.from(keys.p256dh, "base64url");
  if (!isPointOnCurve(p256dh)) throw badField("keys.p256dh", "is no point on P-256");
  await db.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId);
    // Once more under the lock: whoever forgets the account, or ends the session, holds it as well.
    await requireAccount(tx, accountId);
    if (await hasSessionEnded(tx, sessionId))
      throw new AppError("session_revoked", "This session has ended.");
    await upsertSubscription(tx, {
      account_id: accountId,
      device_id: deviceId,
      session_id: sessionId,
      endpoint: url.href,
      host: url.host,
      p256dh,
      auth: Buffer.from(keys.auth, "base64url"),
      server_key: Buffer.from(push.keys.publicKey, "base64url"),
      created_at: clock.now(),
    });
    const max = limits.pushSubscriptionsPerAccount;
    await deleteDisplaced(tx, { accountId, deviceId }, { endpoint: url.href, max });
  });
}

function readEndpoint(text: string, hosts: PushHosts): URL {
  const url = URL.parse(text);
  const fault = url === null ? "is no URL" : faultOfEndpoint(url, hosts);
  // Written out, a URL can be longer than it was.
  const isTooLong = (url?.href.length ?? 0) > limits.pushEndpointMax;
  if (url === null || fault !== undefined || isTooLong) throw badField("endpoint", fault ?? "is too long");
  return url;
}

function badField(path: string, message: string): AppError {
  return new AppError("bad_request", "The input is not valid.", { issues: [{ path, message }] });
}
