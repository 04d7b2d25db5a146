import {
  type Passkey,
  passkey,
  passkeyCreation,
  passkeyCreationOptions,
  recoveryCodes,
  type SecondFactors,
  secondFactors,
  totpStarted,
} from "@sotto/contracts/second-factor-api";
import { z } from "zod";
import { askApplication } from "../session/ask-application.ts";
import type { AccountCalls } from "./account-calls.ts";

/** What has to be there of Web Authentication Level 3 section 5.4; the rest is between the server and the browser. */
const creationOptions = passkeyCreationOptions.extend({
  rp: z.looseObject({ name: z.string() }),
  user: z.looseObject({ id: z.string(), name: z.string(), displayName: z.string() }),
  pubKeyCredParams: z.array(z.looseObject({ alg: z.int(), type: z.literal("public-key") })),
});
/** `PublicKeyCredentialCreationOptionsJSON`: for `navigator.credentials.create`, or what wraps it. */
export type PasskeyCreationOptions = z.infer<typeof creationOptions>;
/** Turns options into a `RegistrationResponseJSON`. */
export type CreatePasskey = (options: PasskeyCreationOptions) => Promise<object>;
export type TotpStarted = z.infer<typeof totpStarted>;

export type AccountSecondFactors = {
  readonly secondFactors: {
    get(): Promise<SecondFactors>;
  };
  readonly totp: {
    /** The secret for an authenticator app; nothing is switched on yet. Throws `already_exists`. Needs a fresh session. */
    start(): Promise<TotpStarted>;
    /** Switches it on. The recovery codes: they are not shown again. Throws `invalid_code`, `not_found`. */
    confirm(code: string): Promise<string[]>;
    /** Needs a fresh session. */
    disable(): Promise<void>;
  };
  readonly recoveryCodes: {
    /** New codes in place of the former ones. Throws `not_found` without a second factor. Needs a fresh session. */
    renew(): Promise<string[]>;
  };
  readonly passkeys: {
    list(): Promise<Passkey[]>;
    /** Throws `cancelled`, `already_exists`, `limit_reached`. Needs a fresh session. */
    add(name: string, createPasskey: CreatePasskey): Promise<Passkey>;
    rename(passkeyId: string, name: string): Promise<Passkey>;
    /** Needs a fresh session. */
    remove(passkeyId: string): Promise<void>;
  };
};

/** What the own account has beside a password. */
export function createSecondFactors(calls: AccountCalls): AccountSecondFactors {
  const { request, fresh } = calls;
  const path = "/api/user/second-factors";
  const get = () => request({ method: "GET", path, answer: secondFactors });
  return {
    secondFactors: { get },
    totp: {
      start: () => fresh(() => request({ method: "POST", path: `${path}/totp`, answer: totpStarted })),
      async confirm(code) {
        const confirmation = { method: "POST", path: `${path}/totp/confirm`, body: { code } } as const;
        return (await request({ ...confirmation, answer: recoveryCodes })).recoveryCodes;
      },
      disable: () => fresh(() => request({ method: "DELETE", path: `${path}/totp` })),
    },
    recoveryCodes: {
      async renew() {
        const renewal = { method: "POST", path: `${path}/recovery-codes`, answer: recoveryCodes } as const;
        return (await fresh(() => request(renewal))).recoveryCodes;
      },
    },
    passkeys: { list: async () => (await get()).passkeys, ...passkeyCalls(calls) },
  };
}

function passkeyCalls({ request, fresh }: AccountCalls) {
  const path = "/api/user/passkeys";
  const of = (passkeyId: string) => `${path}/${encodeURIComponent(passkeyId)}`;
  return {
    async add(name: string, createPasskey: CreatePasskey): Promise<Passkey> {
      const answer = passkeyCreation.extend({ options: creationOptions });
      const creation = { method: "POST", path: `${path}/options`, answer } as const;
      const { challenge, options } = await fresh(() => request(creation));
      const response = await askApplication(() => createPasskey(options));
      const addition = {
        method: "POST",
        path,
        body: { challenge, name, response },
        answer: passkey,
      } as const;
      // Whoever took more than five minutes proves it again, with the same passkey in hand.
      return fresh(() => request(addition));
    },
    rename: (passkeyId: string, name: string): Promise<Passkey> =>
      request({ method: "PATCH", path: of(passkeyId), body: { name }, answer: passkey }),
    remove: (passkeyId: string): Promise<void> =>
      fresh(() => request({ method: "DELETE", path: of(passkeyId) })),
  };
}
