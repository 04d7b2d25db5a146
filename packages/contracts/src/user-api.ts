import { z } from "zod";
import { accountId, sessionId } from "./ids.ts";
import { limits } from "./limits.ts";

/** Lower-case letters, digits and underscores, a letter first. Upper case is folded before anything else sees it. */
export const username = z
  .string()
  .min(limits.usernameMin)
  .max(limits.usernameMax)
  .toLowerCase()
  .regex(/^[a-z][a-z0-9_]*$/, "must start with a letter and hold only letters, digits and underscores")
  // No component of its own in the OpenAPI document: a reference to one cannot be nullable there.
  .meta({ example: "alice" });

export const password = z.string().min(limits.passwordMin).max(limits.passwordMax);

/** How the tokens travel: in the body for SDKs, in httpOnly cookies for browsers. */
export const tokenTransport = z.enum(["bearer", "cookie"]).default("bearer");

export const email = z.email().max(limits.emailMax);

/** Any printable text of a line; trimmed, and never empty. */
export const displayName = z
  .string()
  .trim()
  .min(1)
  .max(limits.displayNameMax)
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u, "must be one line of printable text")
  .meta({ example: "Alice" });

/** What a client calls itself in the list of sessions; says nothing of places. */
export const clientName = z
  .string()
  .trim()
  .min(1)
  .max(limits.clientNameMax)
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u, "must be one line of printable text");

/** Language tag (BCP 47), as `de` or `pt-BR`: of mails to an account. */
export const language = z
  .string()
  .max(limits.languageMax)
  .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/, "must be a language tag")
  .meta({ example: "de" });

/**
 * `deactivated`: hidden, and active again with the next sign-in. `deleting`: the same until `deletesAt`, then gone.
 * `suspended`: by an operator.
 */
export const accountState = z.enum(["active", "deactivated", "deleting", "suspended"]);
export type AccountState = z.infer<typeof accountState>;

export const account = z
  .object({
    accountId,
    username,
    displayName: displayName.nullable(),
    email,
    emailVerified: z.boolean(),
    /** Of its mails; null: the default of the installation. */
    language: language.nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Account" });
export type Account = z.infer<typeof account>;

/** What others may learn of an account. */
export const publicAccount = z
  .object({ accountId, username, displayName: displayName.nullable() })
  .meta({ id: "PublicAccount" });
export type PublicAccount = z.infer<typeof publicAccount>;

/** Tokens are absent when they travel in cookies. */
export const session = z
  .object({
    sessionId,
    accessToken: z.string().optional(),
    accessTokenExpiresAt: z.iso.datetime(),
    refreshToken: z.string().optional(),
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof session>;

export const registerRequest = z.strictObject({
  username,
  email,
  password,
  displayName: displayName.optional(),
  /** Left out: what the header `Accept-Language` prefers. */
  language: language.optional(),
  client: clientName.optional(),
  tokens: tokenTransport,
});
export const signInRequest = z.strictObject({
  username: z.string().min(1).max(limits.usernameMax).toLowerCase(),
  password: z.string().min(1).max(limits.passwordMax),
  client: clientName.optional(),
  tokens: tokenTransport,
});
export const signedIn = z.object({ account, session }).meta({ id: "SignedIn" });
export type SignedIn = z.infer<typeof signedIn>;

/** The refresh token is absent when it travels in a cookie. */
export const refreshRequest = z.strictObject({ refreshToken: z.string().min(20).max(200).optional() });
export const refreshed = z.object({ session }).meta({ id: "Refreshed" });

export const searchQuery = z.strictObject({
  prefix: z
    .string()
    .min(1)
    .max(limits.searchPrefixMax)
    .toLowerCase()
    .regex(/^[a-z0-9_]+$/, "must hold only letters, digits and underscores"),
  limit: z.coerce.number().int().min(1).max(limits.pageMax).default(20),
});
export const searchResult = z.object({ accounts: z.array(publicAccount) }).meta({ id: "SearchResult" });
