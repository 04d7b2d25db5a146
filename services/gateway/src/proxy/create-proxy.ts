// Passes requests and WebSockets on to the services, without reading them.
import { Agent, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { limits } from "@sotto/contracts/limits";
import { AppError, toAppError } from "@sotto/platform/app-error";
import type { Logger } from "@sotto/platform/log";
import { createProxyServer, type ServerOptions } from "http-proxy-3";
import type { Backends } from "../config.ts";
import { limitBytes } from "./body-limit.ts";
import { type Connection, connectToFirst } from "./connect.ts";
import { rewriteHeaders } from "./forwarded-headers.ts";
import { orderNodes, type Wish } from "./node-choice.ts";
import { answerProblem, writeProblem } from "./problem-answer.ts";
import type { Route } from "./route-table.ts";

type BackendRoute = Extract<Route, { kind: "backend" }>;

export interface GatewayProxy {
  /** Answers the request, in every case. */
  request(request: IncomingMessage, response: ServerResponse, route: BackendRoute): Promise<void>;
  /** Makes the WebSocket, or answers why not. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, route: BackendRoute): Promise<void>;
}

/** Names the chat node that holds a Socket.IO polling session. */
const STICKY_COOKIE = "sotto_node";
/** A service that died is started again within about a second. */
const CONNECT_PATIENCE_MS = 5_000;
/** Longer than a Socket.IO long poll lasts. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Hands out one connection that is open already. */
class OneSocketAgent extends Agent {
  readonly #socket: Socket;
  constructor(socket: Socket) {
    super({ keepAlive: false });
    this.#socket = socket;
  }
  override createConnection(): Socket {
    return this.#socket;
  }
}

function wishOf({ headers, url }: IncomingMessage): Wish {
  const named = headers["x-sotto-node"];
  const asked = new URLSearchParams(url?.split("?", 2)[1]).get("node");
  const sticky = new RegExp(`(?:^|; *)${STICKY_COOKIE}=([^;]*)`).exec(headers.cookie ?? "")?.[1];
  return { pinned: (Array.isArray(named) ? named[0] : named) ?? asked ?? undefined, sticky };
}

function unavailable(service: string): AppError {
  return new AppError("unavailable", `The ${service} service does not answer now. Try again.`, {
    retryAfterSeconds: 2,
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

const tooLarge = (): AppError =>
  new AppError("payload_too_large", `The body is larger than ${limits.frameBytes} bytes.`, {
    details: { bytes: limits.frameBytes },
  });

function optionsFor({ backend, socket }: Connection): ServerOptions {
  return { target: backend.url, agent: new OneSocketAgent(socket), proxyTimeout: ANSWER_TIMEOUT_MS };
}

/** Proxies to the given backends; one instance for the life of the process, because it takes turns. */
export function createProxy(backends: Backends, log: Logger): GatewayProxy {
  const proxy = createProxyServer({});
  const pollingNode = new WeakMap<IncomingMessage, string>();
  // Connections take turns of their own: a client that makes an even number of requests before each of its
  // connections would otherwise come to the same of two nodes for ever.
  const turns = { connections: 0, requests: 0 };

  proxy.on("proxyRes", (answer, request) => {
    // The backend closes its connection after each answer; the caller's may stay open.
    answer.headers.connection = "keep-alive";
    const node = pollingNode.get(request);
    if (node === undefined) return;
    const cookie = `${STICKY_COOKIE}=${node}; Path=/api/chat; HttpOnly; SameSite=Strict`;
    answer.headers["set-cookie"] = [...(answer.headers["set-cookie"] ?? []), cookie];
  });

  const connect = async (
    request: IncomingMessage,
    route: BackendRoute,
    signal: AbortSignal,
  ): Promise<Connection> => {
    const kind = route.isSocket ? "connections" : "requests";
    turns[kind] += 1;
    const nodes = orderNodes(
      backends[route.backend],
      route.backend === "chat" ? wishOf(request) : { pinned: undefined, sticky: undefined },
      turns[kind],
    );
    const connection = await connectToFirst(nodes, CONNECT_PATIENCE_MS, signal);
    if (connection === undefined) throw unavailable(route.backend);
    request.url = route.url;
    rewriteHeaders(request);
    return connection;
  };

  return {
    request: async (request, response, route) => {
      try {
        if (Number(request.headers["content-length"] ?? 0) > limits.frameBytes) throw tooLarge();
        const gone = new AbortController();
        response.once("close", () => gone.abort());
        const connection = await connect(request, route, gone.signal);
        const { backend, socket } = connection;
        if (route.isSocket && wishOf(request).sticky !== backend.name) pollingNode.set(request, backend.name);
        request.headers.connection = "close";
        const options = optionsFor(connection);
        if (hasBody(request)) {
          const exceeded = (): void => {
            answerProblem(response, tooLarge());
            socket.destroy();
          };
          options.buffer = request.pipe(limitBytes(limits.frameBytes, exceeded));
        }
        proxy.web(request, response, options, (error) => {
          if (response.writableEnded || response.destroyed) return;
          log.warn({ err: error, backend: backend.name }, "a backend gave no answer");
          answerProblem(response, unavailable(route.backend));
        });
      } catch (error) {
        answerProblem(response, toAppError(error));
      }
    },
    upgrade: async (request, socket, head, route) => {
      const gone = new AbortController();
      socket.on("error", () => socket.destroy());
      socket.once("close", () => gone.abort());
      try {
        const connection = await connect(request, route, gone.signal);
        proxy.ws(request, socket as Socket, head, optionsFor(connection), (error) =>
          log.info({ err: error, backend: connection.backend.name }, "a WebSocket was cut"),
        );
      } catch (error) {
        writeProblem(socket, toAppError(error));
      }
    },
  };
}
