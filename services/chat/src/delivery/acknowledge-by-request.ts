import type { ChatContext } from "../context.ts";
import { acknowledge } from "./acknowledge.ts";
import { noteAttendance } from "./presence-queries.ts";

/**
 * Acknowledges for a device that has no connection. Nothing is told of mail that somebody is fetching; for a connected
 * device its connection says the same.
 */
export async function acknowledgeByRequest(
  context: Pick<ChatContext, "acknowledgeQueue" | "pool">,
  device: { accountId: string; deviceId: string },
  envelopeIds: readonly number[],
): Promise<number> {
  const deleted = await acknowledge(context, device, envelopeIds);
  await noteAttendance(context.pool, device.accountId);
  return deleted;
}
