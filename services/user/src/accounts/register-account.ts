import type { Account } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import { limitKey } from "@sotto/platform/client-address";
import { appendEvents } from "@sotto/platform/outbox";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { putMailToken } from "../emails/mail-token-queries.ts";
import { type LinkDeps, prepareMailLink } from "../emails/prepare-mail-link.ts";
import { checkPassword } from "../passwords/check-password.ts";
import { type IssuedSession, prepareSession } from "../sessions/prepare-session.ts";
import { insertSession } from "../sessions/session-queries.ts";
import { hasUsername, insertAccount } from "./account-queries.ts";
import { isReservedName } from "./reserved-names.ts";

type Deps = LinkDeps &
  Pick<UserContext, "db" | "passwords" | "strength" | "passwordMinScore" | "accessTokens" | "ids" | "limits">;

export type NewAccount = {
  username: string;
  email: string;
  password: string;
  displayName?: string | undefined;
  language: string | null;
  client?: string | undefined;
};

/**
 * Creates an account with its first session, and asks for the mail that verifies its address.
 * @throws AppError `username_taken` (of two at once, one), `weak_password`, `rate_limited`, `overloaded`.
 */
export async function registerAccount(
  context: Deps,
  input: NewAccount,
  origin: Origin,
): Promise<{ account: Account; session: IssuedSession }> {
  const { username, email, language } = input;
  // Also for names that are taken: asking for them one by one is what it slows down, too.
  await context.limits.take("register.address", limitKey(origin.address));
  // Spares the hash; it is the constraint that decides.
  if (isReservedName(username) || (await hasUsername(context.db, username))) throw usernameTaken();
  await checkPassword(context, input.password, input);
  const passwordHash = await context.passwords.hash(input.password);
  const account: Account = {
    accountId: context.ids.uuidv7(),
    username,
    displayName: input.displayName ?? null,
    email,
    emailVerified: false,
    language,
    createdAt: context.clock.now().toISOString(),
  };
  const { row, issued } = await prepareSession(context, {
    accountId: account.accountId,
    client: input.client,
  });
  const { accountId } = account;
  const link = await prepareMailLink(context, { accountId, purpose: "verify-email", email });
  await context.db.transaction().execute(async (tx) => {
    await insertAccount(tx, { account, passwordHash });
    await insertSession(tx, row);
    await putMailToken(tx, link.row);
    await recordAudit(tx, context, {
      accountId,
      type: "account-registered",
      origin: { ...origin, sessionId: row.sessionId },
    });
    await appendEvents(tx, context, [
      { type: "user.account-registered", key: accountId, data: { accountId, username, email, language } },
      {
        type: "user.email-verification-requested",
        key: accountId,
        data: { accountId, username, email, language, purpose: "register", sealed: link.sealed },
      },
    ]);
  });
  return { account, session: issued };
}

export function usernameTaken(): AppError {
  return new AppError("username_taken", "This username is taken.");
}
