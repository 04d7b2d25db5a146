import { type SecondFactorRequired, secondFactorRequired } from "@sotto/contracts/session-api";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import { z } from "zod";
import type { Prompt } from "./prompt.ts";
import { request } from "./rest.ts";
import type { StoredToken } from "./token-file.ts";

const CLIENT = "sotto admin";

/** Asks who the operator is, and signs in, by two factors where the account has them. Nothing of what is typed is kept. */
export async function signIn(url: string, prompt: Prompt, as: string | undefined): Promise<StoredToken> {
  const username = as ?? (await prompt.ask(`Username at ${url}: `));
  const password = await prompt.ask(`Password of ${username}: `, { hidden: true });
  const started = await request(url, {
    ...{ method: "POST", path: "/api/user/sign-in" },
    body: { username, password, client: CLIENT },
    answer: z.union([signedIn, secondFactorRequired]),
  });
  const { account, session } =
    "challenge" in started ? await proveSecondFactor(url, prompt, started) : started;
  if (session.accessToken === undefined) throw new Error("The answer to the sign-in holds no token.");
  return {
    ...{ url, username: account.username },
    ...{ accessToken: session.accessToken, expiresAt: session.accessTokenExpiresAt },
  };
}

async function proveSecondFactor(
  url: string,
  prompt: Prompt,
  { challenge, methods }: SecondFactorRequired,
): Promise<SignedIn> {
  if (!methods.includes("totp") && !methods.includes("recovery_code")) {
    throw new Error(
      "This account signs in by a passkey alone, which needs a browser. Add an authenticator app.",
    );
  }
  const code = (await prompt.ask("Code of the authenticator app, or a recovery code: ")).trim();
  const proof = /^\d{6}$/.test(code) ? { totp: code } : { recoveryCode: code };
  return request(url, {
    ...{ method: "POST", path: "/api/user/sign-in/second-factor" },
    body: { challenge, proof, client: CLIENT },
    answer: signedIn,
  });
}
