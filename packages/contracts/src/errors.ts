import { z } from "zod";

/**
 * The closed list of errors that a caller can see: code to HTTP status.
 * HTTP answers (problem+json, RFC 9457), socket acknowledgements and the SDK use the same codes.
 */
export const errorStatus = {
  bad_request: 400,
  protocol_unsupported: 400,
  unauthenticated: 401,
  token_expired: 401,
  invalid_credentials: 401,
  session_revoked: 401,
  device_unproven: 401,
  forbidden: 403,
  account_suspended: 403,
  reauthentication_required: 403,
  contact_required: 403,
  account_blocked: 403,
  not_found: 404,
  method_not_allowed: 405,
  username_taken: 409,
  device_exists: 409,
  device_limit: 409,
  device_list_conflict: 409,
  device_mismatch: 409,
  idempotency_conflict: 409,
  key_digest_mismatch: 409,
  gap_pending: 409,
  already_exists: 409,
  limit_reached: 409,
  challenge_invalid: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  invalid_signature: 422,
  invalid_code: 422,
  weak_password: 422,
  challenge_required: 428,
  rate_limited: 429,
  headers_too_large: 431,
  internal: 500,
  unavailable: 503,
  overloaded: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

export const errorCode = z.enum(Object.keys(errorStatus) as [ErrorCode, ...ErrorCode[]]);

/** One thing wrong with one field of the input; `path` as in `recipients.0.devices.1.envelope`. */
export const fieldIssue = z.object({ path: z.string(), message: z.string() });

/** RFC 9457 problem details. `details` depends on `code`; `requestId` finds the log line. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: errorCode,
    detail: z.string().optional(),
    issues: z.array(fieldIssue).optional(),
    details: z.unknown().optional(),
    retryAfterSeconds: z.int().optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof problem>;

/** The same error in a socket acknowledgement. */
export const frameError = problem.pick({
  code: true,
  detail: true,
  issues: true,
  details: true,
  retryAfterSeconds: true,
});
export type FrameError = z.infer<typeof frameError>;
