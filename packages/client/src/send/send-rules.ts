import { E2eeError } from "@sotto/e2ee/errors";
import { SottoError, type SottoErrorCode } from "../sotto-error.ts";

/**
 * What to do about a failed attempt: `retry` later with the same request; `repair` the device set and prepare anew;
 * `upkeep` of our own keys first; `wait` until the user has signed in; `refuse` for good.
 */
export type SendVerdict = "retry" | "repair" | "upkeep" | "wait" | "refuse";

const verdicts: { readonly [Code in SottoErrorCode]?: SendVerdict } = {
  network: "retry",
  bad_answer: "retry",
  rate_limited: "retry",
  internal: "retry",
  unavailable: "retry",
  overloaded: "retry",
  device_mismatch: "repair",
  not_signed_in: "wait",
  unauthenticated: "wait",
  token_expired: "wait",
  session_revoked: "wait",
  device_unproven: "wait",
  signed_out: "wait",
  superseded: "wait",
  closed: "wait",
};

/**
 * An answer that is not known to pass is final: the user sees it instead of a message that never goes out. What is no
 * answer at all, such as a full disk, says nothing of the message: it is tried again.
 */
export function judgeSend(error: unknown): SendVerdict {
  if (error instanceof SottoError) return verdicts[error.code] ?? "refuse";
  if (error instanceof E2eeError) return error.code === "keys_stale" ? "upkeep" : "refuse";
  return "retry";
}

/** How often in a row the server may call the device set wrong before a message is refused. */
export const MAX_REPAIRS = 8;
