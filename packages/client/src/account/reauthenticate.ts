import { passkeyChallenge, reauthenticated } from "@sotto/contracts/session-api";
import type { Http } from "../api/http.ts";
import { bearer } from "../api/user-api.ts";
import { askApplication } from "../session/ask-application.ts";
import type { GetPasskey } from "../session/prove-second-factor.ts";
import type { SessionKeeper } from "../session/session-keeper.ts";

/** The password, with a code where the account has a second factor; or a passkey instead of both. */
export type ReauthenticationProof =
  | { readonly password: string; readonly totp?: string; readonly recoveryCode?: string }
  | { readonly passkey: GetPasskey };

type Deps = {
  readonly http: Pick<Http, "request">;
  readonly session: Pick<SessionKeeper, "request" | "reauthenticate">;
};

/**
 * Proves once more whose the session is, which lasts for five minutes. Throws `invalid_credentials` whichever part was
 * wrong, `challenge_required` when the second factor is missing, `cancelled`, `rate_limited`.
 */
export async function reauthenticate({ http, session }: Deps, proof: ReauthenticationProof): Promise<void> {
  // People take their time: nothing that the keeper guards is held while they do.
  const body = "passkey" in proof ? await askForPasskey(session, proof.passkey) : proof;
  await session.reauthenticate(async (accessToken) => {
    const request = {
      method: "POST",
      path: "/api/user/reauthenticate",
      body,
      answer: reauthenticated,
    } as const;
    return (await http.request(request, bearer(accessToken))).session;
  });
}

async function askForPasskey({ request }: Pick<SessionKeeper, "request">, getPasskey: GetPasskey) {
  const path = "/api/user/reauthenticate/passkey/options";
  const { challenge, options } = await request({ method: "POST", path, answer: passkeyChallenge });
  return { challenge, passkey: await askApplication(() => getPasskey(options)) };
}
