import { createHash } from "node:crypto";

export type MailTokenPurpose = "verify-email" | "change-email" | "reset-password";

export const MAIL_TOKEN_BYTES = 32;

const MINUTE_MS = 60_000;
/** How long a link works. One that changes a password lies in a mailbox for as short a time as a person needs. */
const LIFETIME_MS: Readonly<Record<MailTokenPurpose, number>> = {
  "verify-email": 24 * 60 * MINUTE_MS,
  "change-email": 24 * 60 * MINUTE_MS,
  "reset-password": 30 * MINUTE_MS,
};

export function mailTokenExpiry(purpose: MailTokenPurpose, now: Date): Date {
  return new Date(now.getTime() + LIFETIME_MS[purpose]);
}

/** SHA-256 of the token as it stands in the link: 256 random bits need no slower hash. */
export function hashMailToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/**
 * The page for the link, with the token in the fragment, which no browser sends: it is in no log of a server, and in no
 * Referer (RFC 9110 section 10.1.3).
 */
export function mailLink(publicOrigin: string, purpose: MailTokenPurpose, token: string): string {
  const page = purpose === "reset-password" ? "reset-password" : "verify-email";
  return `${publicOrigin}/${page}#token=${token}`;
}

/** Two spellings of an address that differ in case alone are one mailbox to us. */
export function foldEmail(email: string): string {
  return email.toLowerCase();
}
