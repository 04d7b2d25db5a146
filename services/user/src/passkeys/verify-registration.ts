import { type RegistrationResponseJSON, verifyRegistrationResponse } from "@simplewebauthn/server";
import { decodeAttestationObject } from "@simplewebauthn/server/helpers";
import type { registrationResponse } from "@sotto/contracts/second-factor-api";
import type { z } from "zod";
import type { UserContext } from "../context.ts";
import type { StoredPasskey } from "./passkey-queries.ts";
import { PASSKEY_ALGORITHMS, relyingPartyId } from "./relying-party.ts";
import { isCrossOrigin } from "./verify-passkey.ts";

export type NewCredential = Pick<
  StoredPasskey,
  "credentialId" | "publicKey" | "signCount" | "transports" | "backedUp"
>;

/** Web Authentication Level 3 section 5.8.3: longer credential ids are refused. */
const CREDENTIAL_ID_MAX_BYTES = 1023;

/**
 * Verifies a new credential (Web Authentication Level 3 section 7.1); undefined whatever is wrong with it.
 * Attestation with certificates, which nobody asked for, is refused before the library reads them: it would follow
 * their chains, and fetch the revocation lists that they name.
 */
export async function verifyRegistration(
  { publicOrigin, log }: Pick<UserContext, "publicOrigin" | "log">,
  { webauthn, response }: { webauthn: string; response: z.infer<typeof registrationResponse> },
): Promise<NewCredential | undefined> {
  try {
    if (!isUnattested(response.response.attestationObject)) return undefined;
    const verification = await verifyRegistrationResponse({
      response: response as RegistrationResponseJSON,
      expectedChallenge: webauthn,
      expectedOrigin: publicOrigin,
      expectedRPID: relyingPartyId(publicOrigin),
      requireUserVerification: true,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
    });
    if (!verification.verified || isCrossOrigin(response.response.clientDataJSON)) return undefined;
    const { credential, credentialBackedUp: backedUp } = verification.registrationInfo;
    const credentialId = Buffer.from(credential.id, "base64url");
    // The id in the envelope is not signed: it is the one that the authenticator data hold which counts.
    if (credentialId.length > CREDENTIAL_ID_MAX_BYTES || credential.id !== response.id) return undefined;
    return {
      credentialId,
      publicKey: Buffer.from(credential.publicKey),
      signCount: credential.counter,
      transports: response.response.transports ?? [],
      backedUp,
    };
  } catch (error) {
    // The library throws for everything that is wrong with its input.
    log.debug({ err: error }, "a new credential was refused");
    return undefined;
  }
}

/** No attestation, or only that of the credential's own key, which some authenticators always add (section 6.5.4). */
function isUnattested(attestationObject: string): boolean {
  const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, "base64url")));
  const format = decoded.get("fmt");
  return format === "none" || (format === "packed" && decoded.get("attStmt").get("x5c") === undefined);
}
