// A bystander who chats on while somebody else misbehaves, and clients that speak raw WebSocket.
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { ask, type ChatNode, type ChatWorld, connect, until } from "../chat-node-fixture.ts";

export type Bystanders = {
  /** Sends a message between the two and waits until it has arrived; fails when either was disturbed. */
  chat(): Promise<void>;
};

/** Two people, connected to `node`, whom nobody else's frames may disturb. */
export async function startBystanders(world: ChatWorld, node: ChatNode): Promise<Bystanders> {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  const from = await connect(await world.socket(node, ann));
  const to = await world.socket(node, ben);
  const arrived = new Set<string>();
  to.on("inbox:envelopes", ({ envelopes }: { envelopes: { envelopeId: number; messageId: string }[] }) => {
    for (const { messageId } of envelopes) arrived.add(messageId);
    to.emit("inbox:ack", { envelopeIds: envelopes.map(({ envelopeId }) => envelopeId) });
  });
  const disturbed: string[] = [];
  for (const socket of [from, to]) socket.on("disconnect", (reason) => disturbed.push(reason));
  await connect(to);
  return {
    async chat() {
      const message = composeMessage(conversationId, ann, ben);
      const answer = await ask(from, "message:send", message);
      if (!answer.ok) throw new Error(`a bystander was refused: ${JSON.stringify(answer.error)}`);
      await until("the bystander's message", () => arrived.has(message.messageId));
      if (disturbed.length > 0) throw new Error(`a bystander was disconnected: ${disturbed.join(", ")}`);
    },
  };
}

/** Resolves with the reason when a client is disconnected. */
export function disconnected(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once("disconnect", resolve));
}

/** A bare WebSocket at the endpoint, as a client that knows Engine.IO but not its manners. */
export function rawWebSocket(node: ChatNode) {
  const url = `${node.url.replace("http", "ws")}${SOCKET_PATH}/?EIO=4&transport=websocket`;
  const socket = new WebSocket(url);
  const received: string[] = [];
  socket.addEventListener("message", ({ data }) => received.push(String(data)));
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  const opened = new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the WebSocket was refused")));
  });
  return { socket, received, closed, opened };
}
