import { frameError } from "@sotto/contracts/errors";
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import {
  type ClientEvent,
  clientEvents,
  handshakeAuth,
  refused,
  type ServerEvent,
  SOCKET_PATH,
  serverEvents,
} from "@sotto/contracts/socket-events";
import { io } from "socket.io-client";
import { z } from "zod";
import { validate } from "../api/http.ts";
import { SottoError } from "../sotto-error.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;

type Value<E extends ClientEvent> = z.infer<(typeof clientEvents)[E]["answer"]>;
type Payload<E extends ServerEvent> = z.infer<(typeof serverEvents)[E]>;

export type SocketHandlers = { readonly [E in ServerEvent]: (payload: Payload<E>) => void } & {
  readonly opened: () => void;
  /** Never came up, or went down; the last call. The error is the server's refusal where there is one. */
  readonly lost: (error: SottoError) => void;
  /** A frame that is not as agreed; it was ignored. */
  readonly nonsense: (error: SottoError) => void;
};

export type Socket = {
  /** The server's answer. Throws SottoError: `network` without an answer in time, else the server's refusal. */
  call<E extends ClientEvent>(
    event: E,
    payload: z.input<(typeof clientEvents)[E]["payload"]>,
  ): Promise<Value<E>>;
  close(): void;
};

/**
 * Node gets WebSockets through nearly everywhere, and reads the mailbox by REST where it does not; it keeps no cookies
 * either, without which the requests of one polling connection reach different nodes. Browsers may fall back.
 */
const transports = "location" in globalThis ? ["websocket", "polling"] : ["websocket"];

/** One connection, once: it does not come back by itself. */
export function openSocket(
  { url, token, deviceId }: { readonly url: string; readonly token: string; readonly deviceId: string },
  handlers: SocketHandlers,
): Socket {
  const auth = handshakeAuth.parse({ token, deviceId, protocolVersion: PROTOCOL_VERSION });
  const socket = io(url, {
    path: SOCKET_PATH,
    auth,
    transports,
    tryAllTransports: true,
    reconnection: false,
    forceNew: true,
    timeout: CONNECT_TIMEOUT_MS,
  });
  let isOver = false;
  const lose = (error: SottoError) => {
    if (isOver) return;
    isOver = true;
    socket.close();
    handlers.lost(error);
  };
  socket.on("connect", () => handlers.opened());
  socket.on("connect_error", (error) => lose(toRefusal(error)));
  socket.on("disconnect", (reason) => lose(new SottoError("network", `The connection ended: ${reason}`)));
  for (const event of Object.keys(serverEvents) as ServerEvent[]) {
    socket.on(event, (payload: unknown) => {
      if (!isOver) receive(event, payload, handlers);
    });
  }
  return {
    async call(event, payload) {
      const answer = await emit(socket, event, payload);
      return readAnswer(event, answer);
    },
    close() {
      isOver = true;
      socket.close();
    },
  };
}

function receive<E extends ServerEvent>(event: E, payload: unknown, handlers: SocketHandlers): void {
  const parsed = serverEvents[event].safeParse(payload);
  const handle = handlers[event] as (payload: unknown) => void;
  if (parsed.success) handle(parsed.data);
  else handlers.nonsense(new SottoError("bad_answer", `The server sent a ${event} that is not as agreed`));
}

async function emit(socket: ReturnType<typeof io>, event: string, payload: unknown): Promise<unknown> {
  // A frame that Socket.IO would keep for a later connection could go out after a newer one.
  if (!socket.connected) throw new SottoError("network", "There is no connection");
  try {
    return (await socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck(event, payload)) as unknown;
  } catch (cause) {
    throw new SottoError("network", `No answer to ${event}`, { cause });
  }
}

function readAnswer<E extends ClientEvent>(event: E, answer: unknown): Value<E> {
  const refusal = refused.safeParse(answer);
  if (refusal.success) throw fromFrameError(refusal.data.error);
  const accepted = z.object({ ok: z.literal(true), value: clientEvents[event].answer });
  return validate(accepted, answer, event).value as Value<E>;
}

function fromFrameError({ code, detail, details, issues, retryAfterSeconds }: z.infer<typeof frameError>) {
  return new SottoError(code, detail ?? code, { details: details ?? issues, retryAfterSeconds });
}

/** A refused handshake carries the server's error as `data`; anything else is the network. */
function toRefusal(error: Error): SottoError {
  const parsed = frameError.safeParse("data" in error ? error.data : undefined);
  if (parsed.success) return fromFrameError(parsed.data);
  return new SottoError("network", "The server cannot be reached", { cause: error });
}
