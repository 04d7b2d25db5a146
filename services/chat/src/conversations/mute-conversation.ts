import type { ChatContext } from "../context.ts";
import { setMuted } from "./member-queries.ts";
import { noSuchConversation } from "./no-such-conversation.ts";

/**
 * Messages of the conversation are no news to the account until `until`, or for ever (null). What comes meanwhile is no
 * news afterwards either.
 * @throws AppError `not_found` when the caller is no member
 */
export async function muteConversation(
  context: Pick<ChatContext, "db">,
  { accountId }: { accountId: string },
  conversationId: string,
  until: Date | null,
): Promise<void> {
  if (!(await setMuted(context.db, { conversationId, accountId }, until))) throw noSuchConversation();
}
