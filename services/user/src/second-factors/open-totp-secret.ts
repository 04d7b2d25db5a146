import type { UserContext } from "../context.ts";

/** @throws Error when the secret was sealed by another key, or for another account: an operator must know of it. */
export function openTotpSecret(
  { sealer }: Pick<UserContext, "sealer">,
  accountId: string,
  sealedSecret: Buffer,
): Buffer {
  const secret = sealer.open("totp-secret", sealedSecret, accountId);
  if (!secret) throw new Error("a TOTP secret cannot be opened: was ACCOUNT_SECRET changed?");
  return secret;
}
