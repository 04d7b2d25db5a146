import type { Socket } from "socket.io";

/**
 * Has the packets that Engine.IO hands over together written by one system call instead of one each: after a commit a
 * device gets its deliveries and its acknowledgements at the same moment, and the calls are a quarter of a node's work.
 * `flush` and `drain` stand right before and after that handing over. Polling has its own way of batching.
 */
export function coalesceWrites({ conn }: Pick<Socket, "conn">): void {
  if (conn.transport.name !== "websocket") return;
  const stream = conn.request.socket;
  conn.on("flush", () => stream.cork());
  conn.on("drain", () => stream.uncork());
}
