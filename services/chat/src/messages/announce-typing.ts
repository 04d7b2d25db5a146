import type { ChatContext } from "../context.ts";
import { noSuchConversation } from "../conversations/no-such-conversation.ts";
import { announceTo } from "../delivery/announce.ts";

/**
 * Tells the other members of a conversation who are connected now that somebody types, or has stopped, as far as
 * settings and blocks let them know. Never stored.
 * @throws AppError `not_found` when the caller is no member
 */
export async function announceTyping(
  context: Pick<ChatContext, "audiences" | "connections" | "link">,
  device: { accountId: string; deviceId: string },
  conversationId: string,
  active: boolean,
): Promise<void> {
  const told = await context.audiences.find(conversationId, device.accountId);
  if (!told) throw noSuchConversation();
  if (told.length > 0) announceTo(context, told, { conversationId, accountId: device.accountId, active });
}
