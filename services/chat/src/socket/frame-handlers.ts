import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { markRead } from "../conversations/mark-read.ts";
import { acknowledge } from "../delivery/acknowledge.ts";
import { acknowledgeGap } from "../delivery/acknowledge-gap.ts";
import type { DeviceConnection } from "../delivery/device-connection.ts";
import { announceTyping } from "../messages/announce-typing.ts";
import { sendMessage } from "../messages/send-message.ts";
import type { FrameHandlers } from "./frames.ts";

/** The use cases that the frames of one connection call; the same ones as the REST routes'. */
export function createFrameHandlers(context: ChatContext, connection: DeviceConnection): FrameHandlers {
  const { device } = connection;
  const typing = context.nodeLimits.bucket("typing.device", device.deviceId);
  return {
    "message:send": (request) => sendMessage(context, device, request),
    "inbox:ack": async ({ envelopeIds }) => ({ deleted: await acknowledge(context, device, envelopeIds) }),
    "inbox:gap-ack": async ({ gap }) => {
      await acknowledgeGap(context, device, gap);
      return {};
    },
    "conversation:read": async ({ conversationId, messageId }) => {
      const readAt = await markRead(context, device, conversationId, messageId);
      return { readAt: readAt.toISOString() };
    },
    "typing:set": async ({ conversationId, active }) => {
      const waitMs = typing.take(context.clock.monotonicMs());
      if (waitMs > 0) {
        const retryAfterSeconds = Math.ceil(waitMs / 1000);
        throw new AppError("rate_limited", "Too much typing.", { retryAfterSeconds });
      }
      await announceTyping(context, device, conversationId, active);
      return {};
    },
    "session:renew": async ({ token }) => {
      const caller = await context.verifier.verify(token);
      if (caller.accountId !== device.accountId || caller.sessionId !== device.sessionId) {
        throw new AppError("device_unproven", "The token is of another session than this connection's.");
      }
      device.expiresAt = caller.expiresAt;
      return { expiresAt: caller.expiresAt.toISOString() };
    },
  };
}
