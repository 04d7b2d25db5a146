// Answers of the gateway itself on requests that do not pass through Hono.
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type AppError, toProblem } from "@sotto/platform/app-error";
import { RAW_GUARDS } from "@sotto/platform/guard-answers";
import { systemIds } from "@sotto/platform/ids";

function bodyOf(error: AppError): { status: number; text: string } {
  const problem = toProblem(error, systemIds.uuidv7());
  return { status: problem.status, text: JSON.stringify(problem) };
}

function headersOf(error: AppError, text: string): Record<string, string> {
  return {
    ...RAW_GUARDS,
    "Content-Type": "application/problem+json",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
    ...(error.retryAfterSeconds === undefined ? {} : { "Retry-After": String(error.retryAfterSeconds) }),
  };
}

/** Answers, or cuts the connection when an answer has begun already. */
export function answerProblem(response: ServerResponse, error: AppError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, text } = bodyOf(error);
  response.writeHead(status, headersOf(error, text)).end(text);
}

/** The same on a connection that has no response object: an upgrade, or a request that could not be parsed. */
export function writeProblem(socket: Duplex, error: AppError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, text } = bodyOf(error);
  const lines = Object.entries(headersOf(error, text)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${text}`);
}
