import {
  type PublicAccount,
  refreshed,
  type Session,
  type SignedIn,
  searchResult,
  signedIn,
} from "@sotto/contracts/user-api";
import type { AuthorizedRequest } from "./chat-api.ts";
import type { Http } from "./http.ts";

export type Credentials = { readonly username: string; readonly password: string };
export type NewAccount = Credentials & { readonly email: string };

export type UserApi = {
  register(account: NewAccount): Promise<SignedIn>;
  signIn(credentials: Credentials): Promise<SignedIn>;
  signOut(accessToken: string): Promise<void>;
  refresh(refreshToken: string): Promise<Session>;
};

/** The routes of the user service that the SDK uses. Errors: see `Http`. */
export function createUserApi(http: Http): UserApi {
  return {
    register: (account) =>
      http.request({
        method: "POST",
        path: "/api/user/register",
        body: { ...account, tokens: "bearer" },
        answer: signedIn,
      }),
    signIn: (credentials) =>
      http.request({
        method: "POST",
        path: "/api/user/sign-in",
        body: { ...credentials, tokens: "bearer" },
        answer: signedIn,
      }),
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

export function bearer(accessToken: string): Record<string, string> {
  return { authorization: `Bearer ${accessToken}` };
}
