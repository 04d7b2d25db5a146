import { type AuthenticationResponseJSON, verifyAuthenticationResponse } from "@simplewebauthn/server";
import { decodeClientDataJSON } from "@simplewebauthn/server/helpers";
import type { authenticationResponse } from "@sotto/contracts/second-factor-api";
import type { Executor } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { z } from "zod";
import type { UserContext } from "../context.ts";
import { findPasskeyByCredential, type StoredPasskey } from "./passkey-queries.ts";
import { relyingPartyId, userHandleOf } from "./relying-party.ts";

export type VerifiedPasskey = {
  readonly passkeyId: string;
  readonly accountId: string;
  /** Not compared yet: see `usePasskey`. */
  readonly signCount: number;
  readonly backedUp: boolean;
};

/**
 * Verifies what an authenticator answered to the challenge `webauthn` (Web Authentication Level 3 section 7.2).
 * Undefined whatever is wrong with it: none of our credentials, another challenge, origin or user, no user verification,
 * a bad signature, or no answer at all. Changes nothing.
 */
export async function verifyPasskey(
  db: Executor<AccountDatabase>,
  { publicOrigin, log }: Pick<UserContext, "publicOrigin" | "log">,
  { webauthn, response }: { webauthn: string; response: z.infer<typeof authenticationResponse> },
): Promise<VerifiedPasskey | undefined> {
  const credentialId = Buffer.from(response.id, "base64url");
  const passkey = await findPasskeyByCredential(db, credentialId);
  if (!passkey || !isHandleOf(passkey, response.response.userHandle)) return undefined;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: response as AuthenticationResponseJSON,
      expectedChallenge: webauthn,
      expectedOrigin: publicOrigin,
      expectedRPID: relyingPartyId(publicOrigin),
      requireUserVerification: true,
      // The counter means something only when the signature is right; `usePasskey` compares it then.
      credential: { id: response.id, publicKey: new Uint8Array(passkey.publicKey), counter: 0 },
    });
    if (!verified || isCrossOrigin(response.response.clientDataJSON)) return undefined;
    const { passkeyId, accountId } = passkey;
    const { newCounter: signCount, credentialBackedUp: backedUp } = authenticationInfo;
    return { passkeyId, accountId, signCount, backedUp };
  } catch (error) {
    // The library throws for everything that is wrong with its input.
    log.debug({ err: error, passkeyId: passkey.passkeyId }, "an answer of an authenticator was refused");
    return undefined;
  }
}

/** An authenticator that tells the user must tell the right one (section 7.2 step 6). */
function isHandleOf({ accountId }: StoredPasskey, userHandle: string | null | undefined): boolean {
  return userHandle == null || Buffer.from(userHandle, "base64url").equals(userHandleOf(accountId));
}

/** Our pages are in no frame of another site: there, a click may be meant for something else (section 13.4.9). */
export function isCrossOrigin(clientDataJSON: string): boolean {
  const { crossOrigin, topOrigin } = decodeClientDataJSON(clientDataJSON);
  return Boolean(crossOrigin ?? false) || topOrigin !== undefined;
}
