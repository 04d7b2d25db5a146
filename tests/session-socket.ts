// A device's socket by the bare protocol (Socket.IO 5 over Engine.IO 4), so that nothing reconnects or renews by itself.
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";

export type SessionSocket = {
  /** Everything that `session:closed` has said. */
  readonly reasons: readonly string[];
  readonly isOpen: () => boolean;
  close(): void;
};

const ENGINE_OPEN = "0";
const ENGINE_PING = "2";
const ENGINE_PONG = "3";
const CONNECT = "40";
const CONNECT_ERROR = "44";
const EVENT = "42";

/** Resolves when the server has let the device in; rejects with the code when it does not. */
export function openSessionSocket(
  url: string,
  auth: { token: string; deviceId: string },
): Promise<SessionSocket> {
  const address = new URL(`${SOCKET_PATH}/?EIO=4&transport=websocket`, url);
  address.protocol = "ws:";
  const socket = new WebSocket(address);
  const reasons: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<SessionSocket>();
  const opened = {
    reasons,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    close: () => socket.close(),
  };
  socket.addEventListener("close", () => reject(new Error("the connection was closed")));
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    if (text.startsWith(ENGINE_OPEN)) {
      socket.send(CONNECT + JSON.stringify({ ...auth, protocolVersion: PROTOCOL_VERSION }));
    } else if (text === ENGINE_PING) socket.send(ENGINE_PONG);
    else if (text.startsWith(CONNECT_ERROR)) reject(new Error(text));
    else if (text.startsWith(CONNECT)) resolve(opened);
    else if (text.startsWith(EVENT)) {
      const [name, value] = JSON.parse(text.slice(EVENT.length)) as [string, { reason: string }];
      if (name === "session:closed") reasons.push(value.reason);
    }
  });
  return promise;
}
