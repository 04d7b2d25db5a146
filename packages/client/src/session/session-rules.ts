import { type ErrorCode, errorStatus } from "@sotto/contracts/errors";
import { SottoError } from "../sotto-error.ts";

/** The HTTP status of a server's code; undefined for codes of this side. */
export function statusOf(error: SottoError): number | undefined {
  return Object.hasOwn(errorStatus, error.code) ? errorStatus[error.code as ErrorCode] : undefined;
}

/** A refresh that the server refused for good (4xx): the session is over. No answer, 5xx and 429 are not that. */
export function isSessionOver(error: unknown): error is SottoError {
  if (!(error instanceof SottoError)) return false;
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500 && error.code !== "rate_limited";
}
