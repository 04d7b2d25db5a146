import { accountId, messageId } from "@sotto/contracts/ids";
import { z } from "zod";

/** Bytes of the text of one message as a JSON string; the rest of `limits.contentBytes` is for head and padding. */
export const MAX_TEXT_JSON_BYTES = 64 * 1024;

const head = {
  sentAt: z.iso.datetime(),
  /** What the sender says its name is: a hint to look up, never shown before the server has confirmed it. */
  senderName: z.string().max(64).optional(),
  /** Members as the sender knows them: tells the sender's other devices of a conversation they never saw. */
  members: z.array(accountId).max(250).optional(),
};

/**
 * What a message says, before it is sealed. `text` may come a second time, under a new message id, with `resendOf`
 * naming the first. `resend-request` asks the device that sent `of` for that.
 */
export const messageContent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("text"),
    body: z.object({ text: z.string() }),
    resendOf: messageId.optional(),
    ...head,
  }),
  z.object({
    type: z.literal("resend-request"),
    body: z.object({ of: messageId, toDeviceId: z.string().max(64) }),
    ...head,
  }),
]);
export type MessageContent = z.infer<typeof messageContent>;
export type TextContent = Extract<MessageContent, { type: "text" }>;
