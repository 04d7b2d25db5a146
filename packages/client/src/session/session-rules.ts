import { hasCode, type SottoError } from "../sotto-error.ts";

/**
 * A refresh that was refused for good: the session was ended, its refresh token is none of the server's, or it was not
 * used for too long. Everything else, other refusals too, says nothing about the session, which then goes on.
 */
export function isSessionOver(error: unknown): error is SottoError {
  return hasCode(error, "session_revoked", "unauthenticated", "token_expired");
}

/** A request that was refused for its token: worth one renewal, which then says whether the session is over. */
export function isTokenRefused(error: unknown): error is SottoError {
  return hasCode(error, "token_expired", "unauthenticated", "session_revoked");
}
