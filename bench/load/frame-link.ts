// The least of a Socket.IO client. The load generator shares the cores with what it measures, and the real client
// takes more of them for each message.
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { openWebSocket, type WebSocketLink } from "./web-socket.ts";

export interface FrameLink {
  /** Emits an event without an acknowledgement; `payload` is JSON. */
  tell(event: string, payload: string): void;
  /** Emits an event; resolves with the JSON array of its acknowledgement. */
  ask(event: string, payload: string): Promise<string>;
  close(): void;
}

export interface FrameLinkOptions {
  readonly url: string;
  readonly token: string;
  readonly deviceId: string;
  /** An event of the server: the JSON array of its name and arguments. */
  onEvent(json: string): void;
  onLost(): void;
}

/** Engine.IO packet types (protocol 4) and, after a message, Socket.IO packet types (protocol 5). */
const OPEN = "0";
const PING = "2";
const PONG = "3";
const CONNECT = "40";
const EVENT = "42";
const ACKNOWLEDGEMENT = "43";
const CONNECT_ERROR = "44";
const PREFIX = 2;

function createFrameLink(socket: WebSocketLink) {
  const asked = new Map<number, (answer: string) => void>();
  let lastAsked = 0;
  const link: FrameLink = {
    tell: (event, payload) => socket.send(`${EVENT}["${event}",${payload}]`),
    ask(event, payload) {
      lastAsked += 1;
      const id = lastAsked;
      socket.send(`${EVENT}${id}["${event}",${payload}]`);
      return new Promise((settle) => asked.set(id, settle));
    },
    close: socket.close,
  };
  return {
    link,
    answer(packet: string): void {
      const start = packet.indexOf("[");
      const id = Number(packet.slice(PREFIX, start));
      asked.get(id)?.(packet.slice(start));
      asked.delete(id);
    },
  };
}

/** Connects; rejects with what the server says when it refuses. */
export function openFrameLink(options: FrameLinkOptions): Promise<FrameLink> {
  const { url, token, deviceId, onEvent, onLost } = options;
  const { promise, resolve, reject } = Promise.withResolvers<FrameLink>();
  let closing = false;

  function onOpen(socket: WebSocketLink): (packet: string) => void {
    const { link, answer } = createFrameLink(socket);
    const close = (): void => {
      closing = true;
      link.close();
    };
    const handlers: Readonly<Record<string, (packet: string) => void>> = {
      [CONNECT]: () => resolve({ ...link, close }),
      [EVENT]: (packet) => onEvent(packet.slice(PREFIX)),
      [ACKNOWLEDGEMENT]: answer,
      [CONNECT_ERROR]: (packet) => reject(new Error(`the handshake was refused: ${packet.slice(PREFIX)}`)),
    };
    return (packet) => {
      if (packet === PING) socket.send(PONG);
      else if (packet.startsWith(OPEN))
        socket.send(`${CONNECT}${JSON.stringify({ token, deviceId, protocolVersion: PROTOCOL_VERSION })}`);
      else handlers[packet.slice(0, PREFIX)]?.(packet);
    };
  }

  let onPacket: (packet: string) => void = () => undefined;
  openWebSocket(new URL(`${url}${SOCKET_PATH}/?EIO=4&transport=websocket`), {
    open(socket) {
      onPacket = onOpen(socket);
    },
    text: (packet) => onPacket(packet),
    closed() {
      reject(new Error("the connection was closed during the handshake"));
      if (!closing) onLost();
    },
  });
  return promise;
}
