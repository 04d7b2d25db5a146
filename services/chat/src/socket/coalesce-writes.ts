import type { Socket } from "socket.io";

/**
 * Has everything that a device is sent in one turn of the event loop written by one system call: after a commit it gets
 * its deliveries and its acknowledgements at the same moment, and what is written together is also read together.
 * `flush` and `drain` stand right before and after Engine.IO hands packets over. Polling has its own way of batching.
 */
export function coalesceWrites({ conn }: Pick<Socket, "conn">): void {
  if (conn.transport.name !== "websocket") return;
  const stream = conn.request.socket;
  let gathering = false;
  conn.on("flush", () => {
    if (gathering) return;
    gathering = true;
    stream.cork();
    setImmediate(() => {
      gathering = false;
      stream.uncork();
    });
  });
  // Engine.IO would hold back what follows until this has been written, and so until the end of the turn. It does hold it
  // back from a client that takes nothing.
  conn.on("drain", () => {
    conn.transport.writable = !stream.writableNeedDrain;
  });
}
