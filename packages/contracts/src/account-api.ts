import { z } from "zod";
import { limits } from "./limits.ts";
import { displayName, email, language, password } from "./user-api.ts";

/** From the link of a mail: 32 bytes as base64url, good for one use. */
export const mailToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be the token of a link");

/** What is left out stays as it is. */
export const updateAccountRequest = z
  .strictObject({ displayName: displayName.nullable().optional(), language: language.nullable().optional() })
  .refine((change) => Object.keys(change).length > 0, "must change something");

export const verifyEmailRequest = z.strictObject({ token: mailToken });
export const changeEmailRequest = z.strictObject({ email });

export const changePasswordRequest = z.strictObject({
  currentPassword: z.string().min(1).max(limits.passwordMax),
  newPassword: password,
});
/** Always answered alike: whether an account has the address, and whether it is verified, is nobody's business. */
export const forgotPasswordRequest = z.strictObject({ email });
export const resetPasswordRequest = z.strictObject({ token: mailToken, newPassword: password });

/** `details` of `weak_password`. */
export const passwordWeakness = z
  .object({
    /** 0 (guessed at once) to 4; see zxcvbn. */
    score: z.int().min(0).max(4),
    requiredScore: z.int().min(0).max(4),
    warning: z.string().nullable(),
    suggestions: z.array(z.string()),
  })
  .meta({ id: "PasswordWeakness" });
export type PasswordWeakness = z.infer<typeof passwordWeakness>;

export const deletionScheduled = z.object({ deletesAt: z.iso.datetime() }).meta({ id: "DeletionScheduled" });
