import { createServer, type IncomingMessage } from "node:http";
import { type ErrorCode, errorStatus } from "@sotto/contracts/errors";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { Server, type Socket } from "socket.io";

export type StandInAnswer = {
  readonly status: number;
  readonly body?: object | undefined;
  readonly contentType?: string;
};

/** A refusal as the services send it. */
export function problemAnswer(code: ErrorCode): StandInAnswer {
  const status = errorStatus[code];
  const body = { type: `urn:sotto:error:${code}`, title: code, status, code };
  return { status, body, contentType: "application/problem+json" };
}

/**
 * A server of which a test decides every word: REST by `answer`, sockets by hand. What a test does not care about is
 * `unavailable`.
 */
export async function startStandInServer() {
  const requests: string[] = [];
  const sockets: Socket[] = [];
  const state = {
    answer: (_request: string): StandInAnswer | undefined | Promise<StandInAnswer | undefined> => undefined,
  };
  const http = createServer(async (request, response) => {
    const asked = `${request.method} ${request.url}`;
    requests.push(asked);
    await drain(request);
    const {
      status,
      body,
      contentType = "application/json",
    } = (await state.answer(asked)) ?? problemAnswer("unavailable");
    response.writeHead(status, { "Content-Type": contentType, Connection: "close" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  const io = new Server(http, { path: SOCKET_PATH });
  io.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}`, state, requests, sockets, stop: () => io.close() };
}
export type StandInServer = Awaited<ReturnType<typeof startStandInServer>>;

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _chunk of request);
}
