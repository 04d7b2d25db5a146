// Decides, for each request that arrives, whether it is passed on or answered here.
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "@sotto/platform/app-error";
import type { GatewayProxy } from "./proxy/create-proxy.ts";
import { answerProblem, writeProblem } from "./proxy/problem-answer.ts";
import { findRoute } from "./proxy/route-table.ts";

const notFound = (): AppError => new AppError("not_found", "There is nothing at this address.");

function upgrade(proxy: GatewayProxy, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const route = findRoute(request.url ?? "/");
  if (route.kind === "backend" && route.isSocket) void proxy.upgrade(request, socket, head, route);
  else writeProblem(socket, notFound());
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "HPE_HEADER_OVERFLOW")
    writeProblem(socket, new AppError("headers_too_large", "The headers of the request are too large."));
  else if (error.code === "ECONNRESET") socket.destroy();
  else writeProblem(socket, new AppError("bad_request", "This is no HTTP request."));
}

/** Puts the proxy in front of the listener that the server has: only requests for our own pages reach that one. */
export function putProxyInFront(server: Server, proxy: GatewayProxy): void {
  const own = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const route = findRoute(request.url ?? "/");
    if (route.kind === "backend") void proxy.request(request, response, route);
    else if (route.kind === "hidden") answerProblem(response, notFound());
    else for (const listener of own) listener(request, response);
  });
  server.on("upgrade", (request, socket, head) => upgrade(proxy, request, socket, head));
  server.on("clientError", refuseMalformed);
}
