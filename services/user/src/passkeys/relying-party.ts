import {
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
} from "@simplewebauthn/server";
import type { Owner } from "../audit/owner-notice.ts";
import type { CredentialDescriptor } from "./passkey-queries.ts";

/** For people, in the dialogues of browsers. */
const NAME = "Sotto";
const TIMEOUT_MS = 5 * 60 * 1000;

/** COSE algorithms (RFC 9053, RFC 8812) that passkeys may use: EdDSA, ES256, RS256. */
export const PASSKEY_ALGORITHMS: number[] = [-8, -7, -257];

/** The relying party id is the host of the origin, without port (Web Authentication Level 3 section 5.1.2). */
export function relyingPartyId(publicOrigin: string): string {
  return new URL(publicOrigin).hostname;
}

/** The user handle: says which account a passkey belongs to, and nothing about a person. */
export function userHandleOf(accountId: string): Buffer<ArrayBuffer> {
  return Buffer.from(accountId.replaceAll("-", ""), "hex");
}

type Ground = { readonly publicOrigin: string; readonly webauthn: string };

/**
 * Options for `navigator.credentials.get`. Without `credentials` the authenticator offers whatever it has for this site,
 * so that nothing needs to be known, or told, about who signs in.
 */
export function requestOptions({ publicOrigin, webauthn }: Ground, credentials?: CredentialDescriptor[]) {
  return generateAuthenticationOptions({
    rpID: relyingPartyId(publicOrigin),
    challenge: Buffer.from(webauthn, "base64url"),
    timeout: TIMEOUT_MS,
    userVerification: "required",
    ...(credentials && { allowCredentials: credentials.map(toDescriptor) }),
  });
}

/** Options for `navigator.credentials.create`: discoverable, verifying its user, and without attestation. */
export function creationOptions(
  { publicOrigin, webauthn }: Ground,
  owner: Owner,
  existing: CredentialDescriptor[],
) {
  return generateRegistrationOptions({
    rpName: NAME,
    rpID: relyingPartyId(publicOrigin),
    userID: userHandleOf(owner.accountId),
    userName: owner.username,
    userDisplayName: owner.username,
    challenge: Buffer.from(webauthn, "base64url"),
    timeout: TIMEOUT_MS,
    attestationType: "none",
    excludeCredentials: existing.map(toDescriptor),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
  });
}

function toDescriptor({ credentialId, transports }: CredentialDescriptor) {
  // What an authenticator once said of itself goes back to it as it was.
  return { id: credentialId.toString("base64url"), transports: [...transports] as AuthenticatorTransport[] };
}
