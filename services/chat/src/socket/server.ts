import type { Server as HttpServer } from "node:http";
import { limits } from "@sotto/contracts/limits";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { type CloseReason, SOCKET_PATH } from "@sotto/contracts/socket-events";
import { AppError, toAppError, toFrameError } from "@sotto/platform/app-error";
import type { Edge } from "@sotto/platform/edge";
import { RAW_GUARDS } from "@sotto/platform/guard-answers";
import { Server, type Socket } from "socket.io";
import type { ChatContext } from "../context.ts";
import type { ConnectionSink, DeviceConnection } from "../delivery/device-connection.ts";
import { coalesceWrites } from "./coalesce-writes.ts";
import { createFrameHandlers } from "./frame-handlers.ts";
import { handleFrame } from "./frames.ts";
import { type Admitted, admit } from "./handshake.ts";
import { countUnsentBytes } from "./unsent-bytes.ts";

/** How often a client that is over its budget may go on before it is disconnected. */
const REFUSALS_BEFORE_CLOSE = 1000;

/**
 * The Socket.IO server of a node; it gets its HTTP server later, and its adapter from the context. Pages of `corsOrigins`
 * may poll, never with cookies. Browsers let any page open a WebSocket: whose cookie counts is decided in `admit`.
 */
export function createSocketServer({ corsOrigins }: Pick<Edge, "corsOrigins">): Server {
  return new Server({
    path: SOCKET_PATH,
    serveClient: false,
    transports: ["websocket", "polling"],
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: limits.frameBytes,
    connectTimeout: 10_000,
    pingInterval: 25_000,
    pingTimeout: 20_000,
    allowEIO3: false,
    ...(corsOrigins.length > 0 && { cors: { origin: [...corsOrigins], credentials: false } }),
  });
}

/** Serves chat connections on `server`. */
export function serveSockets(context: ChatContext, server: HttpServer): void {
  const { io } = context;
  // A client may ask for the namespace as often as it likes before the first answer; each would cost a statement.
  const admitting = new WeakSet<object>();
  io.use((socket, next) => {
    if (admitting.has(socket.conn)) {
      return next(toConnectError(context, new AppError("rate_limited", "One handshake at a time.")));
    }
    if (context.frames.isClosed) return next(toConnectError(context, stopping()));
    admitting.add(socket.conn);
    admit(context, socket.handshake)
      .then(
        (admitted) => {
          socket.data = admitted;
          next();
          // A client that left meanwhile never becomes a connection, so no disconnect would tell of it.
          setImmediate(() => socket.connected || context.departures.add(admitted.device));
        },
        (thrown: unknown) => next(toConnectError(context, thrown)),
      )
      .finally(() => admitting.delete(socket.conn));
  });
  io.on("connection", (socket) => serveConnection(context, socket));
  io.attach(server);
  io.engine.on("headers", (headers: Record<string, string>) => void Object.assign(headers, RAW_GUARDS));
}

function stopping(): AppError {
  return new AppError("unavailable", "This node is stopping. Connect again.", { retryAfterSeconds: 1 });
}

/** Socket.IO hands `data` of the error to the client. */
function toConnectError(context: Pick<ChatContext, "log">, thrown: unknown): Error {
  const error = toAppError(thrown);
  if (error.code === "internal") context.log.error({ err: error.cause }, "a handshake failed");
  return Object.assign(new Error(error.message), { data: toFrameError(error) });
}

function serveConnection(context: ChatContext, socket: Socket): void {
  // Admitted while the node was told to stop: the others have had their farewell already.
  if (context.frames.isClosed) {
    createSink(socket).close("server_shutdown");
    return;
  }
  const { device, gap } = socket.data as Admitted;
  coalesceWrites(socket);
  const { connection, replaced } = context.connections.add(device, createSink(socket));
  replaced?.sink.close("superseded");
  context.link.connected(device.deviceId, device.connectionId);
  serveFrames(context, socket, connection);
  socket.on("disconnect", () => forget(context, connection));
  if (gap) connection.openGap(gap.toISOString());
  context.reader.request(connection);
}

function serveFrames(context: ChatContext, socket: Socket, connection: DeviceConnection): void {
  const { accountId, deviceId } = connection.device;
  // Those of an earlier connection, as far as they are remembered: connecting anew gives no new budget.
  const frames = context.nodeLimits.bucket("frame.device", deviceId);
  const sends = context.nodeLimits.bucket("message.account", accountId);
  let refusals = 0;
  const deps = {
    log: context.log,
    handlers: createFrameHandlers(context, connection),
    budget(event: string | undefined) {
      if (context.frames.isClosed) throw stopping();
      const now = context.clock.monotonicMs();
      const waitMs = frames.take(now) || (event === "message:send" ? sends.take(now) : 0);
      if (waitMs > 0) {
        refusals += 1;
        if (refusals > REFUSALS_BEFORE_CLOSE) connection.sink.close("rate_limited");
      }
      return waitMs;
    },
  };
  // `use` sees every frame before any listener would, whatever its name.
  socket.use((frame) => {
    context.frames.run(() => handleFrame(deps, frame));
  });
  // Socket.IO emits `error` for what its own middleware refuses; without a listener that would be thrown.
  socket.on("error", (error) => context.log.warn({ err: error }, "a socket failed"));
}

/** How long a client may take to read its farewell. */
const FAREWELL_TIMEOUT_MS = 5000;

function createSink(socket: Socket): ConnectionSink {
  const { conn } = socket;
  const unsentBytes = countUnsentBytes(socket);
  let isClosing = false;
  function drop(): void {
    conn.close(true);
    // Of a polling client it may be a proxy's connection, which others use as well.
    if (conn.request.headers.upgrade) conn.request.socket.destroy();
  }
  return {
    envelopes: (envelopes: readonly InboxEnvelope[]) => void socket.emit("inbox:envelopes", { envelopes }),
    drained: () => void socket.emit("inbox:drained", {}),
    gap: (gap) => void socket.emit("inbox:gap", { gap }),
    keysLow: (stock) => void socket.emit("keys:low", stock),
    peopleChanged: () => void socket.emit("people:changed", {}),
    notificationsChanged: (unread) => void socket.emit("notifications:changed", { unread }),
    typing: (change) => void socket.volatile.emit("typing:changed", change),
    close(reason: CloseReason) {
      if (isClosing) return;
      isClosing = true;
      socket.emit("session:closed", { reason });
      socket.disconnect(true);
      // Engine.IO waits until everything has left, however long a client takes.
      if (conn.readyState === "closed") return;
      const timer = setTimeout(drop, FAREWELL_TIMEOUT_MS);
      conn.once("close", () => clearTimeout(timer));
    },
    drop,
    get unsentBytes() {
      return unsentBytes();
    },
  };
}

function forget(context: ChatContext, connection: DeviceConnection): void {
  context.connections.remove(connection);
  context.departures.add(connection.device);
}
