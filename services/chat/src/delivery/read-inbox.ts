import { limits } from "@sotto/contracts/limits";
import type { InboxPage } from "@sotto/contracts/message-api";
import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { getEnvelopes, listWaiting } from "./mailbox-queries.ts";
import { listDeviceStates } from "./presence-queries.ts";

/**
 * The oldest envelopes of the caller's mailbox, for clients without a socket. They stay until acknowledged, so a repeat
 * gives the same ones; fewer than `limit` when they are large. While a gap is open it is told instead of envelopes.
 */
export async function readInbox(
  context: Pick<ChatContext, "pool">,
  device: { deviceId: string },
  limit: number,
): Promise<InboxPage> {
  const [state] = await listDeviceStates(context.pool, [device.deviceId]);
  if (!state) throw new AppError("device_unproven", "This device has been removed.");
  if (state.gap) return { envelopes: [], gap: state.gap.toISOString() };
  const waiting = await listWaiting(context.pool, [{ deviceId: device.deviceId, most: limit }]);
  const wanted = (waiting.get(device.deviceId) ?? []).map((envelopeId) => ({
    deviceId: device.deviceId,
    envelopeId,
    roomBytes: limits.deliveryWindowBytes,
  }));
  const found = wanted.length === 0 ? [] : await getEnvelopes(context.pool, wanted);
  return { envelopes: found.map(({ envelope }) => envelope), gap: null };
}
