import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { advanceReadMark } from "./member-queries.ts";

/**
 * Takes note that an account has read a conversation up to a message. Nobody is told but those who decide what is news to
 * the account; receipts for others are sealed messages of its devices. Answers up to when it has read.
 * @throws AppError `not_found` when the caller is no member or the message is of another conversation, `rate_limited`
 */
export async function markRead(
  context: Pick<ChatContext, "db" | "limits">,
  { accountId }: { accountId: string },
  conversationId: string,
  messageId: string,
): Promise<Date> {
  await context.limits.take("read.account", accountId);
  const readAt = await advanceReadMark(context.db, { conversationId, accountId }, messageId);
  if (!readAt) throw new AppError("not_found", "There is no such message in a conversation of yours.");
  return readAt;
}
