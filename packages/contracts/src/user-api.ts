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
  .meta({ id: "Username", example: "alice" });

export const password = z.string().min(limits.passwordMin).max(limits.passwordMax);

/** How the tokens travel: in the body for SDKs, in httpOnly cookies for browsers. */
export const tokenTransport = z.enum(["bearer", "cookie"]).default("bearer");

export const account = z
  .object({ accountId, username, email: z.email().max(limits.emailMax), createdAt: z.iso.datetime() })
  .meta({ id: "Account" });
export type Account = z.infer<typeof account>;

/** What others may learn of an account. */
export const publicAccount = z.object({ accountId, username }).meta({ id: "PublicAccount" });
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
  email: z.email().max(limits.emailMax),
  password,
  tokens: tokenTransport,
});
export const signInRequest = z.strictObject({
  username: z.string().min(1).max(limits.usernameMax).toLowerCase(),
  password: z.string().min(1).max(limits.passwordMax),
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
