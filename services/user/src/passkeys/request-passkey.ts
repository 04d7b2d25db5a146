import type { passkeyChallenge } from "@sotto/contracts/session-api";
import type { z } from "zod";
import { makeChallenge } from "../challenges/challenge-token.ts";
import type { UserContext } from "../context.ts";
import { listCredentials } from "./passkey-queries.ts";
import { requestOptions } from "./relying-party.ts";

type Purpose =
  | { readonly kind: "passkey-sign-in" }
  | { readonly kind: "reauthentication"; readonly accountId: string; readonly sessionId: string };

/**
 * A challenge for a passkey. To sign in it is the same for everybody: nothing is stored, and nothing told of anybody.
 * To authenticate again it names the passkeys of the account, and is good for the session that asked.
 */
export async function requestPasskey(
  context: Pick<UserContext, "db" | "sealer" | "ids" | "clock" | "randomBytes" | "publicOrigin">,
  purpose: Purpose,
): Promise<z.infer<typeof passkeyChallenge>> {
  const isKnown = purpose.kind === "reauthentication";
  const { token, webauthn, expiresAt } = makeChallenge(context, purpose.kind, {
    accountId: isKnown ? purpose.accountId : null,
    binding: isKnown ? purpose.sessionId : null,
  });
  const credentials = isKnown ? await listCredentials(context.db, purpose.accountId) : undefined;
  const options = await requestOptions({ ...context, webauthn }, credentials);
  return { challenge: token, options: { ...options }, expiresAt: expiresAt.toISOString() };
}
