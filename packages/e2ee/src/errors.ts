/** Every reason for which this package refuses something. Codes are stable; messages are for people. */
export type E2eeErrorCode =
  | "untrusted_identity"
  | "bad_signature"
  | "bad_address"
  | "bad_bundle"
  | "bad_key"
  | "bad_envelope"
  | "bad_content"
  | "bad_device_list"
  | "bad_input"
  | "content_too_large"
  | "decrypt_failed"
  | "duplicate"
  | "replayed"
  | "too_far_ahead"
  | "unknown_prekey"
  | "no_session"
  | "no_account"
  | "no_device"
  | "keys_stale"
  | "key_ids_exhausted"
  | "device_list_rollback"
  | "device_list_fork"
  | "store_taken"
  | "transaction_closed";

/** The only error this package throws on purpose. It never carries plaintext or key material. */
export class E2eeError extends Error {
  readonly code: E2eeErrorCode;
  /** For `decrypt_failed`: the sender's ratchet key of the message, where it could be read. */
  readonly ratchetKey: Uint8Array | undefined;

  constructor(
    code: E2eeErrorCode,
    message: string,
    options: { cause?: unknown; ratchetKey?: Uint8Array | undefined } = {},
  ) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "E2eeError";
    this.code = code;
    this.ratchetKey = options.ratchetKey;
  }
}
