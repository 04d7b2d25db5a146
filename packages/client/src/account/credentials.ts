import { type Account, account } from "@sotto/contracts/user-api";
import type { AccountCalls } from "./account-calls.ts";

export type AccountCredentials = {
  readonly email: {
    /** Mails a new link to the address, unless it is verified. */
    resendVerification(): Promise<void>;
    /** Proves an address, or completes a change, by the token of a link; also signed out. Throws `challenge_invalid`. */
    verify(token: string): Promise<void>;
    /** Mails a link to the new address, which counts once `verify` has its token. Needs a fresh session. */
    change(email: string): Promise<void>;
  };
  readonly password: {
    /** Ends every other session. Throws `invalid_credentials`, `weak_password` (`details`: `PasswordWeakness`). */
    change(change: { readonly currentPassword: string; readonly newPassword: string }): Promise<void>;
    /** Mails a link if an account has verified this address, which it does not tell; also signed out. */
    forgot(email: string): Promise<void>;
    /** Ends every session, this one too. Also signed out. Throws `challenge_invalid`, `weak_password`. */
    reset(reset: { readonly token: string; readonly newPassword: string }): Promise<void>;
  };
  readonly profile: {
    get(): Promise<Account>;
    /** `null` takes the name away. */
    update(change: {
      readonly displayName?: string | null;
      readonly language?: string | null;
    }): Promise<Account>;
  };
};

/** Address, password and name of the own account. */
export function createCredentials({ http, request, fresh }: AccountCalls): AccountCredentials {
  const post = (path: string, body?: object) =>
    ({ method: "POST", path: `/api/user/${path}`, body }) as const;
  const me = "/api/user/me";
  return {
    email: {
      resendVerification: () => request(post("email/verification")),
      verify: (token) => http.request(post("email/verify", { token })),
      change: (email) => fresh(() => request(post("email/change", { email }))),
    },
    password: {
      change: ({ currentPassword, newPassword }) =>
        request(post("password/change", { currentPassword, newPassword })),
      forgot: (email) => http.request(post("password/forgot", { email })),
      reset: ({ token, newPassword }) => http.request(post("password/reset", { token, newPassword })),
    },
    profile: {
      get: () => request({ method: "GET", path: me, answer: account }),
      update: (change) => request({ method: "PATCH", path: me, body: change, answer: account }),
    },
  };
}
