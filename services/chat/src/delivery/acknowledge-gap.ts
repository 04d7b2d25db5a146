import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { closeGap } from "./presence-queries.ts";

/**
 * The device knows that something was dropped: envelopes flow again. A repeat is harmless.
 * @throws AppError `gap_pending` when a newer gap has opened
 */
export async function acknowledgeGap(
  context: Pick<ChatContext, "pool" | "connections" | "reader">,
  device: { deviceId: string },
  gap: string,
): Promise<void> {
  if (!(await closeGap(context.pool, device.deviceId, gap))) {
    throw new AppError("gap_pending", "This is not the gap that is open; wait for the newer one.");
  }
  const connection = context.connections.get(device.deviceId);
  if (!connection) return;
  connection.closeGap(gap);
  context.reader.request(connection);
}
