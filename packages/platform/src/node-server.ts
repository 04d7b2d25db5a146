import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Logger } from "./log.ts";
import { OpenWork, within } from "./open-work.ts";
import { answerClientError, answerFetchError, answerOddRequest, isOddRequest } from "./raw-problems.ts";

export type Running = {
  fetch: (request: Request) => Response | Promise<Response>;
  /** Called with the HTTP server before it listens; for WebSockets. */
  attach?: (server: Server) => void;
  /**
   * Called when a stop begins, while running requests still get their answers: finishes what was begun, and ends the
   * connections that would stay open by themselves.
   */
  drain?: () => Promise<void>;
  /** Called when every connection has ended: releases what the service works with. */
  close: () => Promise<void>;
};

export type Serving = {
  readonly server: Server;
  readonly address: AddressInfo;
  /** Answers what runs, then ends everything. */
  stop(): Promise<void>;
};

/** How long a stop waits for running requests and for `drain`. */
const DRAIN_TIMEOUT_MS = 5000;
/** How long it then waits for clients to end their connections. */
const FAREWELL_MS = 1000;

/** Of one connection. There is none on the connections of an address: behind a proxy all of them have the proxy's. */
const BOUNDS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** How often the two above are looked at. */
  connectionsCheckingInterval: 5000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
};

/** Serves `running` over HTTP/1.1, with bounds on headers and on slow clients. Rejects when it cannot listen. */
export async function startServer(
  { host, port, log, bounds }: { host: string; port: number; log: Logger; bounds?: Partial<typeof BOUNDS> },
  running: Running,
): Promise<Serving> {
  const listen = getRequestListener(running.fetch, { errorHandler: answerFetchError });
  const server = createServer({ ...BOUNDS, ...bounds }, (request, response) =>
    isOddRequest(request) ? answerOddRequest(response) : listen(request, response),
  );
  running.attach?.(server);
  if (server.listenerCount("clientError") === 0) server.on("clientError", answerClientError);
  const connections = trackConnections(server);
  const requests = trackRequests(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    server.close();
    const drained = Promise.all([running.drain?.(), requests.finish()]).catch((error: unknown) =>
      log.error({ err: error }, "not everything could be finished before the stop"),
    );
    if (!(await within(DRAIN_TIMEOUT_MS, drained))) {
      log.warn({ requests: requests.open }, "requests still run; ending them");
    }
    await within(FAREWELL_MS, connections.ended());
    connections.destroy();
    await running.close();
  };
  return {
    server,
    address: server.address() as AddressInfo,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Requests that have begun and not been answered. Once the server is told to stop, an answer ends its connection. */
function trackRequests(server: Server) {
  const responses = new Set<ServerResponse>();
  const requests = new OpenWork();
  // In front of every other listener: one of those may answer at once.
  server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => {
    requests.begin();
    responses.add(response);
    response.once("close", () => {
      responses.delete(response);
      requests.end();
    });
    if (!server.listening) response.shouldKeepAlive = false;
  });
  return {
    get open() {
      return requests.open;
    },
    finish() {
      for (const response of responses) response.shouldKeepAlive = false;
      return requests.idle();
    },
  };
}

/** All connections, upgraded ones too, which the server itself forgets. */
function trackConnections(server: Server) {
  const sockets = new Set<Socket>();
  const open = new OpenWork();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    open.begin();
    socket.once("close", () => {
      sockets.delete(socket);
      open.end();
    });
  });
  return {
    ended: () => {
      server.closeIdleConnections();
      return open.idle();
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
