// The floor of `send` without a database: Socket.IO as the chat service sets it up and writes to it, and the frames of a
// message. Nobody is checked, nothing is kept; what comes in one turn of the event loop is delivered together.
import http from "node:http";
import { coalesceWrites } from "@sotto/chat-service/socket/coalesce-writes";
import { createSocketServer } from "@sotto/chat-service/socket/server";
import type { InboxEnvelope, SendMessageRequest } from "@sotto/contracts/message-api";
import type { HandshakeAuth } from "@sotto/contracts/socket-events";
import type { Socket } from "socket.io";

type Taken = {
  readonly senderDeviceId: string;
  readonly request: SendMessageRequest;
  accept(answer: object): void;
};

const sockets = new Map<string, Socket>();
let taken: Taken[] = [];
let lastEnvelopeId = 0;

function deliver(): void {
  const acceptedAt = new Date().toISOString();
  const inboxes = new Map<string, InboxEnvelope[]>();
  const batch = taken;
  taken = [];
  for (const { senderDeviceId, request } of batch) {
    const { messageId, conversationId, content, recipients } = request;
    const senderAccountId = recipients[0]?.accountId ?? "";
    const common = { messageId, conversationId, senderAccountId, senderDeviceId, acceptedAt, content };
    for (const { deviceId, envelope } of recipients.flatMap(({ devices }) => devices)) {
      lastEnvelopeId += 1;
      const inbox = { envelopeId: lastEnvelopeId, ...common, envelope };
      const others = inboxes.get(deviceId);
      if (others) others.push(inbox);
      else inboxes.set(deviceId, [inbox]);
    }
  }
  for (const [deviceId, envelopes] of inboxes) sockets.get(deviceId)?.emit("inbox:envelopes", { envelopes });
  for (const { request, accept } of batch)
    accept({ ok: true, value: { messageId: request.messageId, acceptedAt } });
}

const server = http.createServer((_request, response) => response.end());
const io = createSocketServer({ corsOrigins: [] });
io.on("connection", (socket) => {
  const { deviceId } = socket.handshake.auth as HandshakeAuth;
  coalesceWrites(socket);
  sockets.set(deviceId, socket);
  socket.on("message:send", (request: SendMessageRequest, accept: Taken["accept"]) => {
    if (taken.push({ senderDeviceId: deviceId, request, accept }) === 1) setImmediate(deliver);
  });
  // Told by the generator without asking for an answer.
  socket.on("inbox:ack", () => undefined);
  socket.on("disconnect", () => sockets.delete(deviceId));
});
io.attach(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
const parent = Number(process.env.SOTTO_PARENT_PID);
setInterval(() => {
  if (process.ppid !== parent) process.exit(0);
}, 500).unref();
