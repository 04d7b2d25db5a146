import type { InboxPage } from "@sotto/contracts/message-api";
import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { getEnvelopes, listWaiting } from "./mailbox-queries.ts";
import { listDeviceStates } from "./presence-queries.ts";

/**
 * The oldest envelopes of the caller's mailbox, for clients without a socket. They stay until acknowledged, so a repeat
 * gives the same ones. While a gap is open it is told instead of envelopes.
 */
export async function readInbox(
  context: Pick<ChatContext, "pool">,
  device: { deviceId: string },
  limit: number,
): Promise<InboxPage> {
  const [state] = await listDeviceStates(context.pool, [device.deviceId]);
  if (!state) throw new AppError("device_unproven", "This device has been removed.");
  if (state.gap) return { envelopes: [], gap: state.gap.toISOString() };
  const waiting = await listWaiting(context.pool, [device.deviceId], limit);
  const keys = (waiting.get(device.deviceId) ?? []).map((envelopeId) => ({
    deviceId: device.deviceId,
    envelopeId,
  }));
  const found = keys.length === 0 ? [] : await getEnvelopes(context.pool, keys);
  return { envelopes: found.map(({ envelope }) => envelope), gap: null };
}
