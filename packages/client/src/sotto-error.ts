import type { ErrorCode } from "@sotto/contracts/errors";

/** What can go wrong on this side of the wire; the server's own codes come on top. */
export type ClientErrorCode =
  | "network"
  | "bad_answer"
  | "closed"
  /** There is no session any more: sign in. */
  | "signed_out"
  /** The same device is connected elsewhere: sign in to take the connection back. */
  | "superseded"
  | "not_signed_in"
  | "already_signed_in"
  /** The account has a second factor, and `signIn` was not given `secondFactor`. `details`: its `methods`. */
  | "second_factor_required"
  /** What the application was asked for (a code, a password, a passkey) did not come: `cause` is what it threw. */
  | "cancelled"
  | "unknown_user"
  | "unknown_conversation"
  | "device_not_linked"
  | "identity_changed"
  | "device_list_invalid"
  | "membership_changed"
  | "prekeys_invalid"
  | "store_in_use"
  | "store_other_account"
  | "store_key_missing"
  | "store_key_wrong"
  | "store_unavailable";

export type SottoErrorCode = ErrorCode | ClientErrorCode;

type Extras = {
  readonly details?: unknown;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
};

/** The one error that callers of the SDK see. `code` decides; `message` is for people. */
export class SottoError extends Error {
  override readonly name = "SottoError";
  readonly code: SottoErrorCode;
  /** For a code of the server: what `docs/protocol.md` says of that code. */
  readonly details: unknown;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: SottoErrorCode, message: string, extras: Extras = {}) {
    super(message, "cause" in extras ? { cause: extras.cause } : undefined);
    this.code = code;
    this.details = extras.details;
    this.retryAfterSeconds = extras.retryAfterSeconds;
  }
}

/** True when `error` is a SottoError of one of these codes. */
export function hasCode(error: unknown, ...codes: readonly SottoErrorCode[]): error is SottoError {
  return error instanceof SottoError && codes.includes(error.code);
}
