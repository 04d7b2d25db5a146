import type { MessageAccepted, SendMessageRequest } from "@sotto/contracts/message-api";
import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import type { ProvenDevice } from "../devices/find-proven-device.ts";

/**
 * Accepts a message from a proven device. Resolves when it is durable; a repeat of the same message gets the first answer.
 * What the account may send to anybody is counted at the edges, before a message is parsed.
 * @throws AppError `device_mismatch` (details: DeviceMismatch), `idempotency_conflict`, `not_found`, `device_unproven`,
 * `account_blocked`, `rate_limited`, `overloaded`, `unavailable`
 */
export function sendMessage(
  context: Pick<ChatContext, "commitQueue" | "nodeLimits">,
  sender: Pick<ProvenDevice, "accountId" | "deviceId">,
  request: SendMessageRequest,
): Promise<MessageAccepted> {
  refuseRepeatedNames(request);
  context.nodeLimits.take("message.conversation", `${sender.accountId} ${request.conversationId}`);
  return context.commitQueue.add({
    senderAccountId: sender.accountId,
    senderDeviceId: sender.deviceId,
    request,
  });
}

function refuseRepeatedNames({ recipients }: SendMessageRequest): void {
  const accounts = new Set(recipients.map(({ accountId }) => accountId));
  const devices = recipients.flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId));
  if (accounts.size === recipients.length && new Set(devices).size === devices.length) return;
  throw new AppError("bad_request", "An account or a device is named twice.", {
    issues: [{ path: "recipients", message: "every account and every device may be named once" }],
  });
}
