import type { SecondFactorRequired } from "@sotto/contracts/session-api";
import { type Account, username } from "@sotto/contracts/user-api";
import { AppError } from "@sotto/platform/app-error";
import type { Owed } from "@sotto/platform/limits";
import { updatePasswordHash } from "../accounts/account-queries.ts";
import type { Origin } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { requireSecondFactor } from "../second-factors/require-second-factor.ts";
import { accountSuspended, openSession } from "./open-session.ts";
import { openUsualSession } from "./open-usual-session.ts";
import { type IssuedSession, prepareSession } from "./prepare-session.ts";
import { findSignInAccount, findSignInAccountForUpdate, type SignInAccount } from "./sign-in-queries.ts";
import { takePasswordTry } from "./take-password-try.ts";

type Deps = Pick<
  UserContext,
  | "db"
  | "pool"
  | "passwords"
  | "accessTokens"
  | "clock"
  | "ids"
  | "randomBytes"
  | "log"
  | "limits"
  | "failures"
  | "sealer"
  | "publicOrigin"
>;

export type StartedSession = { readonly account: Account; readonly session: IssuedSession };

type Given = {
  readonly password: string;
  readonly client: string | undefined;
  readonly origin: Origin;
};

/**
 * Starts a session for a name and a password, or asks for the second factor of an account that has one. An unknown
 * name costs the same work as a wrong password, and gets the same answer; so does a suspended account with a wrong
 * password. What is written down of a failure is written after the answer, so that its time tells nothing either.
 * @throws AppError `invalid_credentials`, `account_suspended`, `rate_limited`, `overloaded`.
 */
export async function signIn(
  context: Deps,
  input: { username: string; password: string; client?: string | undefined },
  origin: Origin,
): Promise<StartedSession | SecondFactorRequired> {
  // What cannot be a username is not shown to the database, which refuses some characters.
  const name = username.safeParse(input.username).data;
  const who = { name: input.username, username: name, address: origin.address };
  const taken = await takePasswordTry(context, who);
  const given = { password: input.password, client: input.client, origin };
  let found: SignInAccount;
  try {
    found = await verifyPassword(context, taken.found, given);
    const started = await startUsual(context, found, given, taken.owed);
    if (started) return started;
  } catch (error) {
    if (isUnlooked(error)) await taken.giveBack();
    throw error;
  }
  await taken.giveBack();
  const started = await proceed(context, found, given);
  if (started !== "changed") return started;
  // Another sign-in has just renewed the hash, or the password was changed: then it is wrong now.
  const latest = await findSignInAccount(context.pool, { accountId: found.account.accountId });
  const again = await proceed(context, await verifyPassword(context, latest, given), given);
  if (again === "changed") throw invalidCredentials();
  return again;
}

/** The session of an active account that needs no more than this password; undefined where there is more to it. */
async function startUsual(
  context: Deps,
  found: SignInAccount,
  { client, origin }: Given,
  owed: Owed | undefined,
): Promise<StartedSession | undefined> {
  const { account, passwordHash } = found;
  if (found.hasTotp || found.hasPasskey || context.passwords.isOutdated(passwordHash)) return undefined;
  const { row, issued } = await prepareSession(context, { accountId: account.accountId, client });
  const isOpen = await openUsualSession(context, found, { row, method: "password", origin, owed });
  return isOpen ? { account, session: issued } : undefined;
}

/** What follows a right password. "changed": the account has another hash by now. @throws AppError `account_suspended`. */
async function proceed(
  context: Deps,
  found: SignInAccount,
  given: Given,
): Promise<StartedSession | SecondFactorRequired | "changed"> {
  const { accountId } = found.account;
  const { origin, client } = given;
  if (found.state === "suspended") {
    context.failures.note({ accountId, type: "sign-in-failed", origin, details: { reason: "suspended" } });
    throw accountSuspended();
  }
  const passwordHash = await renewOutdatedHash(context, found, given.password);
  if (found.hasTotp || found.hasPasskey) return requireSecondFactor(context, { ...found, passwordHash });
  const { row, issued } = await prepareSession(context, { accountId, client });
  return context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (locked?.passwordHash !== passwordHash) return "changed";
    await openSession(tx, context, locked, { row, method: "password", origin });
    return { account: locked.account, session: issued };
  });
}

/** True for a try of which the password was never looked at. */
function isUnlooked(error: unknown): boolean {
  return !(error instanceof AppError) || error.code !== "invalid_credentials";
}

/** @throws AppError `invalid_credentials`, `overloaded`. */
async function verifyPassword(
  context: Deps,
  found: SignInAccount | undefined,
  { password, origin }: Given,
): Promise<SignInAccount> {
  const matches = await context.passwords.verify(found?.passwordHash, password);
  if (found && matches) return found;
  if (found) {
    const { accountId } = found.account;
    context.failures.note({ accountId, type: "sign-in-failed", origin, details: { reason: "password" } });
  }
  throw invalidCredentials();
}

function invalidCredentials(): AppError {
  return new AppError("invalid_credentials", "The username or the password is wrong.");
}

/**
 * Only here is the password at hand to hash it by today's parameters. A queue that is full puts it off. Answers the
 * hash that the account has now.
 */
async function renewOutdatedHash(context: Deps, found: SignInAccount, password: string): Promise<string> {
  const from = found.passwordHash;
  if (!context.passwords.isOutdated(from)) return from;
  const { accountId } = found.account;
  try {
    const to = await context.passwords.hash(password);
    await updatePasswordHash(context.db, { accountId, from, to });
    return to;
  } catch (error) {
    context.log.warn({ err: error, accountId }, "an outdated password hash could not be renewed");
    return from;
  }
}
