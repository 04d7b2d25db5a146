import type { Passkey } from "@sotto/contracts/second-factor-api";
import { Secret, TOTP } from "otpauth";
import { type Authenticator, createAuthenticator } from "../passkeys/authenticator-fixture.ts";
import type { UserApp } from "../user-app-fixture.ts";

/** The code that an app with this secret shows at the time of the service, or some steps later. */
export function totpCodeOf(user: UserApp, secret: string, steps = 0): string {
  const timestamp = user.clock.now().getTime() + steps * 30_000;
  return TOTP.generate({ secret: Secret.fromBase32(secret), timestamp });
}

/** The answer of a request that must succeed. */
export async function bodyOf<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.status} instead of ${status}: ${text}`);
  return JSON.parse(text) as T;
}

/** Switches an authenticator app on; the clock goes on by a step, so that its next code is a new one. */
export async function enableTotp(
  user: UserApp,
  token: string,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const { secret } = await bodyOf<{ secret: string }>(
    await user.post("/second-factors/totp", { token }),
    201,
  );
  const body = { code: totpCodeOf(user, secret) };
  const confirmed = await user.post("/second-factors/totp/confirm", { token, body });
  const { recoveryCodes } = await bodyOf<{ recoveryCodes: string[] }>(confirmed);
  user.clock.advance(30);
  return { secret, recoveryCodes };
}

export type Creation = { challenge: string; options: { challenge: string; user: unknown } };

/** Adds a passkey to the account. */
export async function enablePasskey(
  user: UserApp,
  token: string,
  authenticator: Authenticator = createAuthenticator(),
): Promise<{ authenticator: Authenticator; passkey: Passkey }> {
  const { challenge, options } = await bodyOf<Creation>(await user.post("/passkeys/options", { token }));
  const body = { challenge, name: "Laptop", response: authenticator.create(options) };
  return {
    authenticator,
    passkey: await bodyOf<Passkey>(await user.post("/passkeys", { token, body }), 201),
  };
}

export type Audited = {
  type: string;
  address: string | null;
  client: string | null;
  session_id: string | null;
  details: Record<string, unknown>;
};

/** The audit entries of an account, oldest first, after what is written behind the answers. */
export async function auditOf(user: UserApp, accountId: string, type?: string): Promise<Audited[]> {
  await user.context.failures.idle();
  const { rows } = await user.owner.query<Audited>(
    `select type, host(address) as address, client, session_id, details from account.audit_entry
     where account_id = $1 and ($2::text is null or type = $2) order by audit_id`,
    [accountId, type ?? null],
  );
  return rows;
}

/** What the owner of an account was told, in its order. */
export async function noticesOf(user: UserApp, accountId: string): Promise<unknown[]> {
  const events = await user.events();
  return events
    .filter(({ type, key }) => type === "user.security-notice" && key === accountId)
    .map(({ data }) => data.notice);
}
