import { sealLink } from "@sotto/platform/sealed-link";
import type { UserContext } from "../context.ts";
import {
  hashMailToken,
  MAIL_TOKEN_BYTES,
  type MailTokenPurpose,
  mailLink,
  mailTokenExpiry,
} from "./mail-token.ts";
import type { NewMailToken } from "./mail-token-queries.ts";

export type LinkDeps = Pick<UserContext, "clock" | "randomBytes" | "publicOrigin" | "notificationSealKey">;

/**
 * Makes the token of a link that is mailed to `email`. `row` is stored, and `sealed` is the link for the event: only the
 * notification service can read it. Made before the transaction, so that no lock waits for cryptography.
 */
export async function prepareMailLink(
  context: LinkDeps,
  { accountId, purpose, email }: { accountId: string; purpose: MailTokenPurpose; email: string },
): Promise<{ row: NewMailToken; sealed: string }> {
  const token = context.randomBytes(MAIL_TOKEN_BYTES).toString("base64url");
  const expiresAt = mailTokenExpiry(purpose, context.clock.now());
  const sealed = await sealLink(context.notificationSealKey, {
    link: mailLink(context.publicOrigin, purpose, token),
    recipient: email,
    expiresAt: expiresAt.toISOString(),
  });
  return { row: { accountId, purpose, hash: hashMailToken(token), email, expiresAt }, sealed };
}
