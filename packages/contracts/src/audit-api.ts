import { z } from "zod";
import { accountId, sessionId } from "./ids.ts";
import { limits } from "./limits.ts";

/** What is written down of the life of an account: who, what, when, from where. */
export const auditType = z.enum([
  "account-registered",
  "signed-in",
  "sign-in-failed",
  "second-factor-failed",
  "signed-out",
  "session-revoked",
  "other-sessions-revoked",
  "refresh-token-reused",
  "reauthenticated",
  "reauthentication-failed",
  "password-changed",
  "password-reset-requested",
  "password-reset",
  "email-verified",
  "email-change-requested",
  "email-changed",
  "profile-changed",
  "totp-enabled",
  "totp-disabled",
  "recovery-codes-renewed",
  "recovery-code-used",
  "passkey-added",
  "passkey-renamed",
  "passkey-removed",
  "account-deactivated",
  "account-reactivated",
  "account-deletion-scheduled",
  "account-deletion-cancelled",
  "data-exported",
  "operator-viewed",
  "operator-suspended",
  "operator-restored",
  "operator-sessions-revoked",
  "operator-second-factor-reset",
  "operator-role-changed",
  "operator-audit-viewed",
  "operator-keys-rotated",
]);
export type AuditType = z.infer<typeof auditType>;

export const auditId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    "must be a lower-case UUIDv7",
  );

export const auditEntry = z
  .object({
    auditId,
    type: auditType,
    at: z.iso.datetime(),
    /** The operator who acted, when it was not the owner. */
    actorAccountId: accountId.nullable(),
    /** Network address of the request. */
    address: z.string().nullable(),
    client: z.string().nullable(),
    sessionId: sessionId.nullable(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntry>;

export const auditQuery = z.strictObject({
  /** Entries older than this one. */
  after: auditId.optional(),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(limits.pageDefault),
});
/** Newest first; `next` is the `after` of the next page, null on the last. */
export const auditPage = z
  .object({ entries: z.array(auditEntry), next: auditId.nullable() })
  .meta({ id: "AuditPage" });
