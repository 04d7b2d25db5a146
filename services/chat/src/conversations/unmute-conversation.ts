import type { ChatContext } from "../context.ts";
import { clearMuted } from "./member-queries.ts";
import { noSuchConversation } from "./no-such-conversation.ts";

/**
 * Messages of the conversation are news again. One that is not muted stays as it is.
 * @throws AppError `not_found` when the caller is no member
 */
export async function unmuteConversation(
  context: Pick<ChatContext, "db">,
  { accountId }: { accountId: string },
  conversationId: string,
): Promise<void> {
  if (!(await clearMuted(context.db, { conversationId, accountId }))) throw noSuchConversation();
}
