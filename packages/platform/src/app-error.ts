import { type ErrorCode, errorStatus, type FrameError, type Problem } from "@sotto/contracts/errors";
import { z } from "zod";

type Issue = { path: string; message: string };
type AppErrorOptions = {
  details?: unknown;
  issues?: readonly Issue[];
  retryAfterSeconds?: number;
  cause?: unknown;
};

/** The only error that a caller sees. `message` is for people and holds nothing internal. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;
  readonly issues: readonly Issue[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details;
    this.issues = options.issues;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** At most this many issues are told; the rest of a hopeless input helps nobody. */
const MAX_ISSUES = 20;

/** A failed validation as `bad_request`, with the paths of what is wrong and none of the input. */
export function fromZodError(error: z.core.$ZodError): AppError {
  const issues = error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: path.map(String).join("."), message }));
  return new AppError("bad_request", "The input is not valid.", { issues, cause: error });
}

/** PostgreSQL's names of constraints to the errors that breaking them means. */
export type ConstraintErrors = Readonly<Record<string, () => AppError>>;

/** The one place that turns a thrown value into an error for a caller. What it does not know is `internal`. */
export function toAppError(thrown: unknown, constraints: ConstraintErrors = {}): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof z.core.$ZodError) return fromZodError(thrown);
  const database = thrown as { code?: unknown; constraint?: unknown };
  const known =
    typeof database?.constraint === "string" ? ownConstraint(constraints, database.constraint) : undefined;
  if (known) return known;
  if (isUnavailable(database?.code) || isLostConnection(thrown)) {
    return new AppError("unavailable", "The service cannot reach its database now. Try again.", {
      cause: thrown,
      retryAfterSeconds: 2,
    });
  }
  return new AppError("internal", "Something went wrong on the server.", { cause: thrown });
}

function ownConstraint(constraints: ConstraintErrors, name: string): AppError | undefined {
  return Object.hasOwn(constraints, name) ? constraints[name]?.() : undefined;
}

/**
 * SQLSTATE: lost connections and servers that start, stop or are read-only (08, 53, 57P0x, 25006, 25P03), statements
 * cut off (57014), and transactions that lost against others and may be tried again (40001, 40P01, 55P03).
 */
const PASSING_STATES = /^(08...|53...|57P0[1-5]|57014|25006|25P03|40001|40P01|55P03)$/;
const SOCKET_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

function isUnavailable(code: unknown): boolean {
  return typeof code === "string" && (PASSING_STATES.test(code) || SOCKET_CODES.has(code));
}

/** `pg` gives these no code: no place in the pool in time, no answer in time, and connections that ended under a query. */
function isLostConnection(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client (has encountered a connection error|was closed))/.test(
      thrown.message,
    )
  );
}

export function toFrameError(error: AppError): FrameError {
  return {
    code: error.code,
    detail: error.message,
    ...(error.issues && { issues: [...error.issues] }),
    ...(error.details !== undefined && { details: error.details }),
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  };
}

/** RFC 9457 problem details. */
export function toProblem(error: AppError, requestId: string): Problem {
  return {
    type: `urn:sotto:error:${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: errorStatus[error.code],
    ...toFrameError(error),
    requestId,
  };
}
