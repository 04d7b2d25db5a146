import type { authenticationResponse } from "@sotto/contracts/second-factor-api";
import type { z } from "zod";
import type { Origin } from "../audit/record-audit.ts";
import { openChallenge } from "../challenges/challenge-token.ts";
import { spendChallenge } from "../challenges/spend-challenge.ts";
import type { UserContext } from "../context.ts";
import { usePasskey } from "../passkeys/use-passkey.ts";
import { verifyPasskey } from "../passkeys/verify-passkey.ts";
import { openSession } from "./open-session.ts";
import { prepareSession } from "./prepare-session.ts";
import type { StartedSession } from "./sign-in.ts";
import { findSignInAccountForUpdate } from "./sign-in-queries.ts";
import { invalidPasskey } from "./sign-in-second-factor.ts";

type Deps = Pick<
  UserContext,
  "db" | "accessTokens" | "clock" | "ids" | "randomBytes" | "log" | "failures" | "sealer" | "publicOrigin"
>;

/**
 * Starts a session for a passkey, which is both factors at once: something that its owner has, and that has verified
 * its owner. Whatever is wrong with the answer gets the same answer.
 * @throws AppError `challenge_invalid`, `invalid_credentials`, `account_suspended`.
 */
export async function signInPasskey(
  context: Deps,
  input: {
    challenge: string;
    response: z.infer<typeof authenticationResponse>;
    client?: string | undefined;
  },
  origin: Origin,
): Promise<StartedSession> {
  const challenge = openChallenge(context, "passkey-sign-in", input.challenge);
  const { response } = input;
  const verified = await verifyPasskey(context.db, context, { webauthn: challenge.webauthn, response });
  if (!verified) throw invalidPasskey();
  const { accountId } = verified;
  const { row, issued } = await prepareSession(context, { accountId, client: input.client });
  const started = await context.db.transaction().execute(async (tx) => {
    const locked = await findSignInAccountForUpdate(tx, accountId);
    if (!locked) throw invalidPasskey();
    await spendChallenge(tx, challenge);
    if (!(await usePasskey(tx, context, verified))) return undefined;
    await openSession(tx, context, locked, { row, method: "passkey", origin });
    return { account: locked.account, session: issued };
  });
  if (started) return started;
  const details = { reason: "signature-counter" };
  context.failures.note({ accountId, type: "sign-in-failed", origin, details });
  throw invalidPasskey();
}
