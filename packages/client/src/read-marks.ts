import { readMark } from "@sotto/contracts/message-api";
import type { ClientContext } from "./client-context.ts";

/** Of marks that are set within this time in one conversation the last one is sent. */
const COALESCED_MS = 1000;

export type SetReadMark = (conversationId: string, messageId: string) => Promise<void>;

type Turn = { messageId: string; readonly sent: Promise<void> };

/** Tells the server up to where conversations have been read; people who scroll tell it once in a while. */
export function createReadMarks({ clock, request }: Pick<ClientContext, "clock" | "request">): SetReadMark {
  const turns = new Map<string, Turn>();

  async function send(conversationId: string, messageId: string): Promise<void> {
    const path = `/api/chat/conversations/${conversationId}/read`;
    await request({ method: "POST", path, body: { messageId }, answer: readMark });
  }

  return (conversationId, messageId) => {
    const turn = turns.get(conversationId);
    if (turn) {
      turn.messageId = messageId;
      return turn.sent;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun: Turn = {
      messageId,
      sent: promise.then(() => {
        turns.delete(conversationId);
        return send(conversationId, begun.messageId);
      }),
    };
    turns.set(conversationId, begun);
    clock.after(COALESCED_MS, resolve);
    return begun.sent;
  };
}
