import { limits } from "@sotto/contracts/limits";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { type FrameAnswer, SOCKET_PATH } from "@sotto/contracts/socket-events";
import { io, type Socket } from "socket.io-client";
import type { Ledger } from "./ledger.ts";
import type { LoadUser } from "./load-plan.ts";

export interface LoadDevice {
  /** @param payload of `message:send` */
  send(messageId: string, payload: object): Promise<void>;
  close(): void;
}

/** Envelopes that have arrived are acknowledged together, as a client does that stores them together. */
const ACKNOWLEDGE_AFTER_MS = 20;

function acknowledgeTogether(socket: Socket): (envelopeId: number) => void {
  let waiting: number[] = [];
  const flush = (): void => {
    const ids = waiting;
    waiting = [];
    for (let from = 0; from < ids.length; from += limits.acknowledgedPerFrame)
      socket.emit("inbox:ack", { envelopeIds: ids.slice(from, from + limits.acknowledgedPerFrame) });
  };
  return (envelopeId) => {
    waiting.push(envelopeId);
    if (waiting.length === 1) setTimeout(flush, ACKNOWLEDGE_AFTER_MS);
    else if (waiting.length === limits.acknowledgedPerFrame) flush();
  };
}

/** Connects one device, which counts and acknowledges what it gets. @throws Error when the node refuses it */
export async function connectDevice(user: LoadUser, index: number, ledger: Ledger): Promise<LoadDevice> {
  const socket = io(user.url, {
    path: SOCKET_PATH,
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    autoConnect: false,
    auth: { token: user.token, deviceId: user.deviceId, protocolVersion: PROTOCOL_VERSION },
  });
  const acknowledge = acknowledgeTogether(socket);
  socket.on("inbox:envelopes", ({ envelopes }: { envelopes: InboxEnvelope[] }) => {
    for (const { messageId, envelopeId } of envelopes) {
      ledger.delivered(messageId, index);
      acknowledge(envelopeId);
    }
  });
  socket.on("inbox:gap", () => ledger.fault("the server dropped envelopes and told a gap"));
  let closing = false;
  socket.on("disconnect", (reason) => {
    if (!closing) ledger.fault(`a device was disconnected: ${reason}`);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
    socket.connect();
  });
  return {
    async send(messageId, payload) {
      const answer: FrameAnswer<"message:send"> = await socket.emitWithAck("message:send", payload);
      if (answer.ok) ledger.acked(messageId);
      else ledger.fault(`a send was refused: ${answer.error.code}`);
    },
    close() {
      closing = true;
      socket.disconnect();
    },
  };
}
