// Answers to what never becomes a request of the app.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AppError, toProblem } from "./app-error.ts";
import { RAW_GUARDS } from "./guard-answers.ts";
import { systemIds } from "./ids.ts";

/** Answers on a connection whose request could not be read, and ends it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    socket.end("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  } else writeProblem(socket, toClientError(error.code));
}

function toClientError(code: string | undefined): AppError {
  if (code === "HPE_HEADER_OVERFLOW") {
    return new AppError("headers_too_large", "The headers of the request are too large.");
  }
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") {
    return new AppError("payload_too_large", "The chunk extensions of the request are too large.");
  }
  return new AppError("bad_request", "This is no HTTP request.");
}

/** Status, headers and text of a problem that no app has answered. */
function rawProblem(error: AppError): { status: number; headers: Record<string, string>; text: string } {
  const problem = toProblem(error, systemIds.uuidv7());
  const headers = {
    ...RAW_GUARDS,
    "Content-Type": "application/problem+json",
    "X-Request-Id": problem.requestId ?? "",
  };
  return { status: problem.status, headers, text: JSON.stringify(problem) };
}

function writeProblem(socket: Duplex, error: AppError): void {
  const { status, headers, text } = rawProblem(error);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${text}`);
}

/**
 * What Node's parser lets pass though it must be refused: a second Host header (RFC 9112 section 3.2), of which a proxy
 * may have read the other, and versions that are not spoken here.
 */
export function isOddRequest({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  return hosts.length > 1 || !/^1\.[01]$/.test(httpVersion);
}

/** Refuses such a request, and ends its connection. */
export function answerOddRequest(response: ServerResponse): void {
  const { status, headers, text } = rawProblem(new AppError("bad_request", "This is no HTTP/1.1 request."));
  response.writeHead(status, { ...headers, Connection: "close" }).end(text);
}

/** The same for a request whose address or host no URL can be made of; what the app itself let through is our fault. */
export function answerFetchError(error: unknown): Response {
  const isClientFault = error instanceof Error && error.name === "RequestError";
  const { status, headers, text } = rawProblem(
    isClientFault
      ? new AppError("bad_request", "The address of the request is not valid.")
      : new AppError("internal", "Something went wrong on the server."),
  );
  return new Response(text, { status, headers });
}
