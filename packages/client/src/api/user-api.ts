import {
  passkeyChallenge,
  type SecondFactorRequired,
  secondFactorRequired,
} from "@sotto/contracts/session-api";
import {
  type PublicAccount,
  publicAccount,
  refreshed,
  type Session,
  type SignedIn,
  searchResult,
  signedIn,
} from "@sotto/contracts/user-api";
import { z } from "zod";
import type { SecondFactorAnswer } from "../session/prove-second-factor.ts";
import { hasCode } from "../sotto-error.ts";
import type { AuthorizedRequest } from "./chat-api.ts";
import type { Http } from "./http.ts";

type PasskeyChallenge = z.infer<typeof passkeyChallenge>;
export type Credentials = { readonly username: string; readonly password: string };
export type NewAccount = Credentials & {
  readonly email: string;
  readonly displayName?: string;
  readonly language?: string;
};

/** `SecondFactorRequired` where the password was right and the account has a second factor. */
export type PasswordAnswer = SignedIn | SecondFactorRequired;

export type UserApi = {
  register(account: NewAccount): Promise<SignedIn>;
  signIn(credentials: Credentials): Promise<PasswordAnswer>;
  signInWithSecondFactor(challenge: string, proof: SecondFactorAnswer): Promise<SignedIn>;
  passkeyChallenge(): Promise<PasskeyChallenge>;
  signInWithPasskey(challenge: string, response: object): Promise<SignedIn>;
  signOut(accessToken: string): Promise<void>;
  refresh(refreshToken: string): Promise<Session>;
};

/** The routes of the user service that need no session, or make one. Errors: see `Http`. */
export function createUserApi(http: Http, client: string): UserApi {
  const start = <T>(path: string, body: object, answer: z.ZodType<T>): Promise<T> =>
    http.request({
      method: "POST",
      path: `/api/user/${path}`,
      body: { ...body, client, tokens: "bearer" },
      answer,
    });
  return {
    register: (account) => start("register", account, signedIn),
    signIn: ({ username, password }) =>
      start("sign-in", { username, password }, z.union([signedIn, secondFactorRequired])),
    signInWithSecondFactor: (challenge, proof) =>
      start("sign-in/second-factor", { challenge, proof }, signedIn),
    passkeyChallenge: () =>
      http.request({ method: "POST", path: "/api/user/sign-in/passkey/options", answer: passkeyChallenge }),
    signInWithPasskey: (challenge, response) => start("sign-in/passkey", { challenge, response }, signedIn),
    signOut: (accessToken) =>
      http.request({ method: "POST", path: "/api/user/sign-out", body: {} }, bearer(accessToken)),
    async refresh(refreshToken) {
      const body = { refreshToken };
      const answer = await http.request({
        method: "POST",
        path: "/api/user/refresh",
        body,
        answer: refreshed,
      });
      return answer.session;
    },
  };
}

/** Looks an account up by its exact username, which must be folded to lower case. */
export async function findAccountByName(
  request: AuthorizedRequest,
  username: string,
): Promise<PublicAccount | undefined> {
  const path = `/api/user/accounts?${new URLSearchParams({ prefix: username })}`;
  const { accounts } = await request({ method: "GET", path, answer: searchResult });
  return accounts.find((account) => account.username === username);
}

/** The names of an account, confirmed by the server; undefined when it is not active. */
export async function findAccountById(
  request: AuthorizedRequest,
  accountId: string,
): Promise<PublicAccount | undefined> {
  try {
    return await request({ method: "GET", path: `/api/user/accounts/${accountId}`, answer: publicAccount });
  } catch (error) {
    if (hasCode(error, "not_found")) return undefined;
    throw error;
  }
}

export function bearer(accessToken: string): Record<string, string> {
  return { authorization: `Bearer ${accessToken}` };
}
