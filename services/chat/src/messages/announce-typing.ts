import { AppError } from "@sotto/platform/app-error";
import type { ChatContext } from "../context.ts";
import { announceTo } from "../delivery/announce.ts";

/**
 * Tells the other members of a conversation who are connected now that somebody types, or has stopped. Never stored.
 * @throws AppError `not_found` when the caller is no member
 */
export async function announceTyping(
  context: Pick<ChatContext, "memberships" | "connections" | "link">,
  device: { accountId: string; deviceId: string },
  conversationId: string,
  active: boolean,
): Promise<void> {
  const members = await context.memberships.get(conversationId);
  if (!members?.includes(device.accountId)) throw new AppError("not_found", "There is no such conversation.");
  const others = members.filter((accountId) => accountId !== device.accountId);
  announceTo(context, others, { conversationId, accountId: device.accountId, active });
}
