import { askApplication } from "../session/ask-application.ts";
import type { SessionKeeper } from "../session/session-keeper.ts";
import { hasCode } from "../sotto-error.ts";
import type { ReauthenticationProof } from "./reauthenticate.ts";

/** Makes a call that needs a session that has just proved whose it is. */
export type FreshCall = <T>(call: () => Promise<T>) => Promise<T>;

type Deps = {
  readonly session: Pick<SessionKeeper, "authentications">;
  readonly prove: (proof: ReauthenticationProof) => Promise<void>;
  /** Without it the refusal goes to the caller. */
  readonly ask: (() => Promise<ReauthenticationProof>) | undefined;
};

/**
 * A call that is refused with `reauthentication_required` has done nothing: the application is asked for a proof, once
 * for all the calls that wait for one, and each call is made once more. What that says is final, so that nobody is
 * asked in a circle. The call must not be one of those that `ask` makes itself.
 */
export function createFreshCalls({ session, prove, ask }: Deps): FreshCall {
  let asking: Promise<void> | undefined;
  return async (call) => {
    const before = session.authentications;
    try {
      return await call();
    } catch (error) {
      if (ask === undefined || !hasCode(error, "reauthentication_required")) throw error;
      // Another call may have had it proved while this one was under way.
      if (session.authentications === before) {
        asking ??= askApplication(ask)
          .then(prove)
          .finally(() => {
            asking = undefined;
          });
        await asking;
      }
      return await call();
    }
  };
}
