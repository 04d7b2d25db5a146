import type { Socket } from "socket.io";

/**
 * Counts what has been written to a client and is not on its way: the packets that Engine.IO still holds, in characters,
 * and the bytes that the operating system has not taken. Call it before anything is written.
 */
export function countUnsentBytes({ conn }: Pick<Socket, "conn">): () => number {
  const stream = conn.request.socket;
  let held = 0;
  conn.on("packetCreate", ({ data }: { data?: { length: number } }) => {
    held += data?.length ?? 0;
  });
  // Engine.IO hands over everything at once, and only when the last handing over has left.
  conn.on("flush", () => {
    held = 0;
  });
  return () => held + stream.writableLength;
}
