import type { passkeyRequestOptions } from "@sotto/contracts/second-factor-api";
import type { SecondFactorMethod, SecondFactorRequired } from "@sotto/contracts/session-api";
import type { SignedIn } from "@sotto/contracts/user-api";
import type { z } from "zod";
import type { UserApi } from "../api/user-api.ts";
import { hasCode, SottoError } from "../sotto-error.ts";
import { askApplication } from "./ask-application.ts";

/** `PublicKeyCredentialRequestOptionsJSON`: for `navigator.credentials.get`, or what wraps it. */
export type PasskeyRequestOptions = z.infer<typeof passkeyRequestOptions>;

/** Turns options into an `AuthenticationResponseJSON`. The SDK has no browser: the application brings the one it runs in. */
export type GetPasskey = (options: PasskeyRequestOptions) => Promise<object>;

/** One of the three; `passkey` is the `AuthenticationResponseJSON` to the options that were offered. */
export type SecondFactorAnswer =
  | { readonly totp: string }
  | { readonly recoveryCode: string }
  | { readonly passkey: object };

export type SecondFactorOffer = {
  readonly methods: readonly SecondFactorMethod[];
  /** There when `passkey` is among the methods. */
  readonly passkey?: PasskeyRequestOptions | undefined;
  /** ISO 8601; later answers are refused. */
  readonly expiresAt: string;
  /** 1, and one more each time that a code was wrong. */
  readonly attempt: number;
};

export type AskSecondFactor = (offer: SecondFactorOffer) => Promise<SecondFactorAnswer>;

/** More tries than a person with the right device needs, fewer than the server allows. */
const ATTEMPTS = 3;

/**
 * Finishes a sign-in by what the application answers; a wrong code is asked for again. Throws `second_factor_required`
 * without anybody to ask, `cancelled`, `invalid_code` after the last try, and what else the server refuses.
 */
export async function proveSecondFactor(
  user: Pick<UserApi, "signInWithSecondFactor">,
  { challenge, methods, passkey, expiresAt }: SecondFactorRequired,
  ask: AskSecondFactor | undefined,
): Promise<SignedIn> {
  if (ask === undefined) {
    throw new SottoError(
      "second_factor_required",
      "This account has a second factor: give signIn `secondFactor`",
      {
        details: { methods },
      },
    );
  }
  for (let attempt = 1; ; attempt++) {
    const offer = { methods, passkey, expiresAt, attempt };
    const answer = await askApplication(() => ask(offer));
    try {
      return await user.signInWithSecondFactor(challenge, answer);
    } catch (error) {
      if (!hasCode(error, "invalid_code") || attempt === ATTEMPTS) throw error;
    }
  }
}
