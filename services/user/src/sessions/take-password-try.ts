import { limitKey } from "@sotto/platform/client-address";
import type { Owed } from "@sotto/platform/limits";
import type { UserContext } from "../context.ts";
import {
  askSignInAccount,
  findSignInAccount,
  hasSignedInFrom,
  type SignInAccount,
} from "./sign-in-queries.ts";

export type PasswordTry = {
  /** The account of this name, if there is one. */
  readonly found: SignInAccount | undefined;
  /** For a password that was right, or was never looked at. */
  giveBack(): Promise<void>;
  /** The same, for a statement that does it beside something else. */
  readonly owed: Owed | undefined;
};

/**
 * Takes one try of a password, and finds whose it is; who is refused, is refused without. Which attack each limit stops:
 *
 * - `sign-in.address`: one client that tries few passwords on many names, or floods. Its tries never come back, so that
 *   an account of its own does not refill them.
 * - `sign-in.account`, by the name as it was given: many clients that try many passwords on one name. A right password
 *   must pass it too, and gives its try back: guessing at full speed is told "wait" and learns nothing of the password
 *   it sent, while an owner never uses the limit up by signing in. Names that do not exist are limited alike.
 * - The same limit once more, by name and address, for addresses from which the account has signed in before: the
 *   first bucket is open to the whole world, so that anybody who keeps it empty would lock its owner out. Without
 *   such an address a lock-out lasts until the next try comes back, a minute at a time, for whoever comes first.
 *   That a name has such a bucket can be told only from the very address (IPv6: network) that signed in to it.
 *
 * The address is taken first: what it refuses must not cost the account a try.
 * @throws AppError `rate_limited`, `unavailable`.
 */
export async function takePasswordTry(
  { limits, db, pool }: Pick<UserContext, "limits" | "db" | "pool">,
  { name, username, address }: { name: string; username: string | undefined; address: string | undefined },
): Promise<PasswordTry> {
  const toTry = (key: string, found: SignInAccount | undefined): PasswordTry => ({
    found,
    giveBack: () => limits.giveBack("sign-in.account", key),
    owed: limits.owe("sign-in.account", key),
  });
  // As JSON: a name as it was given may hold anything, and must not read as another kind of key.
  const anywhere = JSON.stringify([name]);
  const taken = await limits.takeBoth(
    ["sign-in.address", limitKey(address)],
    ["sign-in.account", anywhere],
    askSignInAccount({ username }),
  );
  if ("answer" in taken) return toTry(anywhere, taken.answer);
  if (username === undefined || address === undefined) throw taken.refusal;
  if (!(await hasSignedInFrom(db, username, limitKey(address)))) throw taken.refusal;
  const here = JSON.stringify([name, limitKey(address)]);
  await limits.take("sign-in.account", here);
  return toTry(here, await findSignInAccount(pool, { username }));
}
