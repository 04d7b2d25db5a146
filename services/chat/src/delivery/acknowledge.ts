import type { ChatContext } from "../context.ts";

/** Deletes envelopes from the caller's own mailbox and frees its window. Ids that are not there are ignored; answers how many were. */
export function acknowledge(
  context: Pick<ChatContext, "acknowledgeQueue">,
  device: { deviceId: string },
  envelopeIds: readonly number[],
): Promise<number> {
  return context.acknowledgeQueue.add(device.deviceId, envelopeIds);
}
