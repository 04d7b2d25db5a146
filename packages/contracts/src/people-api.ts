import { z } from "zod";
import { accountId } from "./ids.ts";
import { limits } from "./limits.ts";

/** `incoming` waits for the caller's answer, `outgoing` for the other's. */
export const contactState = z.enum(["incoming", "outgoing", "accepted"]);
export type ContactState = z.infer<typeof contactState>;

export const contact = z
  .object({
    accountId,
    state: contactState,
    requestedAt: z.iso.datetime(),
    acceptedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Contact" });
export type Contact = z.infer<typeof contact>;

const page = {
  after: accountId.optional(),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(limits.pageDefault),
} as const;
export const contactsQuery = z.strictObject({ state: contactState.optional(), ...page });
/** In the order of their ids; `next` is the `after` of the next page, null on the last. */
export const contactPage = z
  .object({ contacts: z.array(contact), next: accountId.nullable() })
  .meta({ id: "ContactPage" });

export const block = z.object({ accountId, blockedAt: z.iso.datetime() }).meta({ id: "Block" });
export type Block = z.infer<typeof block>;
export const blocksQuery = z.strictObject(page);
export const blockPage = z
  .object({ blocks: z.array(block), next: accountId.nullable() })
  .meta({ id: "BlockPage" });

const audience = z.enum(["everyone", "contacts", "nobody"]);
export type Audience = z.infer<typeof audience>;
export const privacySettings = z
  .object({
    /** Who may open a conversation that is not there yet. `nobody`: contacts only, and no requests to become one. */
    whoMayWriteFirst: audience,
    /** Who is told that the account is typing or connected. */
    presence: audience,
    /** Who gets receipts. The server cannot see receipts: the account's own devices keep to it. */
    receipts: audience,
  })
  .meta({ id: "PrivacySettings" });
export type PrivacySettings = z.infer<typeof privacySettings>;
export const updatePrivacySettingsRequest = z.strictObject(privacySettings.partial().shape);
