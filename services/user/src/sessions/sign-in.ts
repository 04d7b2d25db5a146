import { type Account, username } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import { type Credentials, findCredentials, updatePasswordHash } from "../accounts/account-queries.ts";
import type { UserContext } from "../context.ts";
import { type IssuedSession, prepareSession } from "./prepare-session.ts";
import { endedBefore } from "./session-age.ts";
import { deleteEndedSessions, insertSession } from "./session-queries.ts";

type Deps = Pick<UserContext, "db" | "passwords" | "accessTokens" | "clock" | "ids" | "randomBytes" | "log">;

/**
 * Starts a session for a name and a password. An unknown name costs the same work as a wrong password,
 * and gets the same answer.
 * @throws AppError `invalid_credentials`, `overloaded`.
 */
export async function signIn(
  context: Deps,
  input: { username: string; password: string; client?: string | undefined },
): Promise<{ account: Account; session: IssuedSession }> {
  // What cannot be a username is not shown to the database, which refuses some characters.
  const name = username.safeParse(input.username);
  const found = name.success ? await findCredentials(context.db, name.data) : undefined;
  const matches = await context.passwords.verify(found?.passwordHash, input.password);
  if (!found || !matches) {
    throw new AppError("invalid_credentials", "The username or the password is wrong.");
  }
  await renewOutdatedHash(context, found, input.password);
  const { accountId } = found.account;
  const { row, issued } = await prepareSession(context, { accountId, client: input.client });
  // Here, so that the rows of an account stay as many as its living sessions, without a timer.
  await deleteEndedSessions(context.db, accountId, endedBefore(context.clock.now()));
  await insertSession(context.db, row);
  return { account: found.account, session: issued };
}

/** Only here is the password at hand to hash it by today's parameters. A queue that is full puts it off. */
async function renewOutdatedHash(context: Deps, found: Credentials, password: string): Promise<void> {
  if (!context.passwords.isOutdated(found.passwordHash)) return;
  const { accountId } = found.account;
  try {
    const renewed = await context.passwords.hash(password);
    await updatePasswordHash(context.db, { accountId, from: found.passwordHash, to: renewed });
  } catch (error) {
    context.log.warn({ err: error, accountId }, "an outdated password hash could not be renewed");
  }
}
