import { z } from "zod";
import { limits } from "./limits.ts";
import { displayName } from "./user-api.ts";

/** RFC 6238: six digits. */
export const totpCode = z.string().regex(/^[0-9]{6}$/, "must be six digits");

/** What a secret becomes in an authenticator app; nothing is switched on before a code has confirmed it. */
export const totpStarted = z
  .object({
    /** Base32 without padding (RFC 4648 section 6): 20 bytes. */
    secret: z.string(),
    /** `otpauth://totp/…`, for a QR code. */
    uri: z.string(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "TotpStarted" });
export const totpConfirmRequest = z.strictObject({ code: totpCode });
/** Shown once; each works once. */
export const recoveryCodes = z
  .object({ recoveryCodes: z.array(z.string()).length(limits.recoveryCodes) })
  .meta({ id: "RecoveryCodes" });

/** What goes through `navigator.credentials` is the browser's business; the server's library checks every part of it. */
const base64url = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/, "must be base64url");
const credentialHead = {
  id: base64url(1400),
  rawId: base64url(1400),
  type: z.literal("public-key"),
  authenticatorAttachment: z.enum(["platform", "cross-platform"]).nullish(),
  clientExtensionResults: z.looseObject({}).default({}),
} as const;
const transports = z.array(z.string().min(1).max(32)).max(8);

/** `RegistrationResponseJSON` of Web Authentication Level 3 section 5.1. */
export const registrationResponse = z
  .strictObject({
    ...credentialHead,
    response: z.strictObject({
      clientDataJSON: base64url(4096),
      attestationObject: base64url(16_384),
      transports: transports.optional(),
      authenticatorData: base64url(8192).optional(),
      publicKey: base64url(4096).optional(),
      publicKeyAlgorithm: z.int().optional(),
    }),
  })
  .meta({ id: "RegistrationResponse" });
/** `AuthenticationResponseJSON` of Web Authentication Level 3 section 5.1. */
export const authenticationResponse = z
  .strictObject({
    ...credentialHead,
    response: z.strictObject({
      clientDataJSON: base64url(4096),
      authenticatorData: base64url(8192),
      signature: base64url(2048),
      userHandle: base64url(128).nullish(),
    }),
  })
  .meta({ id: "AuthenticationResponse" });

/** `PublicKeyCredentialCreationOptionsJSON` and `PublicKeyCredentialRequestOptionsJSON`: for `navigator.credentials` as they are. */
export const passkeyCreationOptions = z
  .looseObject({ challenge: z.string() })
  .meta({ id: "PasskeyCreationOptions" });
export const passkeyRequestOptions = z
  .looseObject({ challenge: z.string() })
  .meta({ id: "PasskeyRequestOptions" });

export const passkeyCreation = z
  .object({ challenge: z.string(), options: passkeyCreationOptions, expiresAt: z.iso.datetime() })
  .meta({ id: "PasskeyCreation" });
export const addPasskeyRequest = z.strictObject({
  challenge: z.string().min(20).max(4096),
  name: displayName,
  response: registrationResponse,
});
export const passkeyId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUIDv7",
  );
export const passkey = z
  .object({
    passkeyId,
    name: displayName,
    /** True when it is synchronised by its provider. */
    backedUp: z.boolean(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Passkey" });
export type Passkey = z.infer<typeof passkey>;
export const renamePasskeyRequest = z.strictObject({ name: displayName });

export const secondFactors = z
  .object({
    totp: z.object({ confirmedAt: z.iso.datetime() }).nullable(),
    recoveryCodesLeft: z.int().min(0),
    passkeys: z.array(passkey),
  })
  .meta({ id: "SecondFactors" });
export type SecondFactors = z.infer<typeof secondFactors>;
