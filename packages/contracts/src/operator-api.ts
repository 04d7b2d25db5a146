import { z } from "zod";
import { accountId } from "./ids.ts";
import { limits } from "./limits.ts";
import { account, accountState, username } from "./user-api.ts";

/** `auditor` reads, `moderator` also suspends, restores and ends sessions, `administrator` does everything. */
export const operatorRole = z.enum(["auditor", "moderator", "administrator"]);
export type OperatorRole = z.infer<typeof operatorRole>;

/** An account as operators see it. */
export const operatedAccount = account
  .extend({
    state: accountState,
    stateSince: z.iso.datetime(),
    deletesAt: z.iso.datetime().nullable(),
    suspendedReason: z.string().nullable(),
    role: operatorRole.nullable(),
    hasTotp: z.boolean(),
    passkeys: z.int().min(0),
    sessions: z.int().min(0),
    lastSeenAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "OperatedAccount" });
export type OperatedAccount = z.infer<typeof operatedAccount>;

export const operatedAccountsQuery = z.strictObject({
  prefix: z
    .string()
    .min(1)
    .max(limits.searchPrefixMax)
    .toLowerCase()
    .regex(/^[a-z0-9_]+$/, "must hold only letters, digits and underscores")
    .optional(),
  state: accountState.optional(),
  after: username.optional(),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(limits.pageDefault),
});
/** In the order of their names; `next` is the `after` of the next page, null on the last. */
export const operatedAccountPage = z
  .object({ accounts: z.array(operatedAccount), next: username.nullable() })
  .meta({ id: "OperatedAccountPage" });

const reason = z
  .string()
  .trim()
  .min(1)
  .max(limits.reasonMax)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be one line of printable text");
/** Every action says why; it stands in the audit log. */
export const operatorActionRequest = z.strictObject({ reason });
export const changeRoleRequest = z.strictObject({ role: operatorRole.nullable(), reason });
/** `revoke`: former keys are refused at once, instead of when the last of their tokens has expired. */
export const rotateKeysRequest = z.strictObject({ revoke: z.boolean().default(false), reason });
export const keysRotated = z.object({ kid: z.string() }).meta({ id: "KeysRotated" });
export const operatorPath = z.strictObject({ accountId });
