import type { UserContext } from "../context.ts";
import { foldEmail } from "./mail-token.ts";

/**
 * Takes one mail to an address that somebody asked for. The key is a fingerprint: the table of limits tells of nobody,
 * and an account that is deleted frees no mails to its address.
 * @throws AppError `rate_limited`, `unavailable`.
 */
export async function takeMailLimit(
  { limits, sealer }: Pick<UserContext, "limits" | "sealer">,
  email: string,
): Promise<void> {
  const key = sealer.fingerprint("mail-recipient", foldEmail(email)).toString("base64url");
  await limits.take("mail.recipient", key);
}
