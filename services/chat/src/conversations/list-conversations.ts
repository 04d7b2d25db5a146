import type { ChatContext } from "../context.ts";
import { type ConversationRow, listConversations as findPage } from "./conversation-queries.ts";

export type ConversationPage = { conversations: ConversationRow[]; next: string | null };

/** One page of the caller's conversations, newest first. */
export async function listConversations(
  context: Pick<ChatContext, "db">,
  caller: { accountId: string },
  page: { after: string | undefined; limit: number },
): Promise<ConversationPage> {
  // One more than asked for tells whether there is another page.
  const found = await findPage(context.db, caller.accountId, { ...page, limit: page.limit + 1 });
  const conversations = found.slice(0, page.limit);
  const next = found.length > page.limit ? (conversations.at(-1)?.conversationId ?? null) : null;
  return { conversations, next };
}
