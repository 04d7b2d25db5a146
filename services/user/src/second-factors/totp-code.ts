import { Secret, TOTP } from "otpauth";

/** RFC 6238 with what every authenticator app takes for granted: HMAC-SHA-1, six digits, 30 seconds. */
const STEP_SECONDS = 30;
const PARAMETERS = { algorithm: "SHA1", digits: 6, period: STEP_SECONDS } as const;
/** RFC 4226 section 4 asks for 16 bytes at least and recommends 20. */
export const TOTP_SECRET_BYTES = 20;
/** Steps before and after the present one whose codes count: clocks differ, and people type slowly. */
const WINDOW_STEPS = 1;

/** `base32` without padding, and the `otpauth://` address that a QR code shows. */
export function describeSecret(
  secret: Uint8Array,
  { issuer, label }: { issuer: string; label: string },
): { base32: string; uri: string } {
  const totp = new TOTP({ ...PARAMETERS, secret: toSecret(secret), issuer, label });
  return { base32: totp.secret.base32, uri: totp.toString() };
}

/**
 * The time step that `code` belongs to, or undefined when it is none of those that count now. The comparison takes as
 * long for every code. Whoever accepts it must refuse this step and all before it from then on (RFC 6238 section 5.2).
 */
export function matchingStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  const timestamp = now.getTime();
  const delta = TOTP.validate({
    ...PARAMETERS,
    secret: toSecret(secret),
    token: code,
    timestamp,
    window: WINDOW_STEPS,
  });
  return delta === null ? undefined : Math.floor(timestamp / 1000 / STEP_SECONDS) + delta;
}

function toSecret(bytes: Uint8Array): Secret {
  return new Secret({ buffer: new Uint8Array(bytes).buffer });
}
