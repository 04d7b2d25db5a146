import type { ChatContext } from "../context.ts";
import { acknowledge } from "./acknowledge.ts";
import { resetWaiting } from "./presence-queries.ts";

/**
 * Acknowledges for a device that has no connection. A device that fetches its mail may be told of later mail again;
 * for a connected one its connection says the same.
 */
export async function acknowledgeByRequest(
  context: Pick<ChatContext, "acknowledgeQueue" | "pool">,
  device: { deviceId: string },
  envelopeIds: readonly number[],
): Promise<number> {
  const deleted = await acknowledge(context, device, envelopeIds);
  await resetWaiting(context.pool, device.deviceId);
  return deleted;
}
