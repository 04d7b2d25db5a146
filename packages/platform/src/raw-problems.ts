// Answers to what never becomes a request of the app.
import { STATUS_CODES } from "node:http";
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

function writeProblem(socket: Duplex, error: AppError): void {
  const problem = toProblem(error, systemIds.uuidv7());
  const text = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${problem.requestId}`,
    ...Object.entries(RAW_GUARDS).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${text}`);
}

/** The same for a request whose address or host no URL can be made of; what the app itself let through is our fault. */
export function answerFetchError(error: unknown): Response {
  const isClientFault = error instanceof Error && error.name === "RequestError";
  const problem = toProblem(
    isClientFault
      ? new AppError("bad_request", "The address of the request is not valid.")
      : new AppError("internal", "Something went wrong on the server."),
    systemIds.uuidv7(),
  );
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      ...RAW_GUARDS,
      "Content-Type": "application/problem+json",
      "X-Request-Id": problem.requestId ?? "",
    },
  });
}
