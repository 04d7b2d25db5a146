import { AppError } from "@sotto/platform/app-error";
import { limitKey } from "@sotto/platform/client-address";
import type { UserContext } from "../context.ts";
import { hasSignedInFrom } from "./sign-in-queries.ts";

/** Gives the try back: the password was right, or was never looked at. */
export type PasswordTry = { giveBack(): Promise<void> };

/**
 * Takes one try of a password, before anything is known of the name. Which attack each limit stops:
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
  { limits, db }: Pick<UserContext, "limits" | "db">,
  { name, username, address }: { name: string; username: string | undefined; address: string | undefined },
): Promise<PasswordTry> {
  await limits.take("sign-in.address", limitKey(address));
  // As JSON: a name as it was given may hold anything, and must not read as another kind of key.
  const anywhere = JSON.stringify([name]);
  const giveBackOf = (key: string) => ({ giveBack: () => limits.giveBack("sign-in.account", key) });
  try {
    await limits.take("sign-in.account", anywhere);
    return giveBackOf(anywhere);
  } catch (error) {
    const isRefused = error instanceof AppError && error.code === "rate_limited";
    if (!isRefused || username === undefined || address === undefined) throw error;
    if (!(await hasSignedInFrom(db, username, limitKey(address)))) throw error;
  }
  const here = JSON.stringify([name, limitKey(address)]);
  await limits.take("sign-in.account", here);
  return giveBackOf(here);
}
