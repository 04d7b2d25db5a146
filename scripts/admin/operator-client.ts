import { auditPage } from "@sotto/contracts/audit-api";
import {
  keysRotated,
  type OperatedAccount,
  operatedAccount,
  operatedAccountPage,
} from "@sotto/contracts/operator-api";
import { sessionsRevoked } from "@sotto/contracts/session-api";
import type { Clock } from "@sotto/platform/clock";
import { z } from "zod";
import type { Invocation } from "./arguments.ts";
import type { Prompt } from "./prompt.ts";
import { RefusedError, type Request, request } from "./rest.ts";
import { signIn } from "./sign-in.ts";
import type { TokenFile } from "./token-file.ts";

export type ClientDeps = { readonly prompt: Prompt; readonly tokens: TokenFile; readonly clock: Clock };
export type Target = Pick<Invocation, "url" | "as">;

/** Codes after which a new sign-in helps: the token is over, or its proof is too old for a change. */
const SIGN_IN_AGAIN: readonly string[] = [
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "reauthentication_required",
];

/** The REST API of operators, by the operator's own account: signs in when there is no token, or when it no longer does. */
export function createOperatorClient({ url, as }: Target, { prompt, tokens, clock }: ClientDeps) {
  let token = tokens.read({ url, username: as, now: clock.now() });

  async function renew(): Promise<string> {
    const former = token;
    token = await signIn(url, prompt, as ?? former?.username);
    tokens.write(token);
    if (former) await endSession(former.accessToken);
    return token.accessToken;
  }
  /** The session of a token that nobody has any more. When it has ended by itself, so much the better. */
  async function endSession(accessToken: string): Promise<void> {
    await request(url, {
      ...{ method: "POST", path: "/api/user/sign-out", token: accessToken, answer: z.unknown() },
    }).catch((error: unknown) => {
      if (!(error instanceof RefusedError)) throw error;
    });
  }
  async function call<S extends z.ZodType>(wanted: Omit<Request<S>, "token">): Promise<z.infer<S>> {
    const isNew = token === undefined;
    const accessToken = token?.accessToken ?? (await renew());
    try {
      return await request(url, { ...wanted, token: accessToken });
    } catch (error) {
      if (isNew || !(error instanceof RefusedError) || !SIGN_IN_AGAIN.includes(error.problem.code))
        throw error;
      return await request(url, { ...wanted, token: await renew() });
    }
  }
  const get = <S extends z.ZodType>(path: string, answer: S) =>
    call({ method: "GET", path: `/api/user/admin${path}`, answer });
  const list = (query: Record<string, string | number | undefined>) =>
    get(`/accounts?${toQuery(query)}`, operatedAccountPage);

  /** @throws Error when there is no account of that name. */
  async function find(username: string): Promise<OperatedAccount> {
    const { accounts } = await list({ prefix: username, limit: 1 });
    const [found] = accounts;
    if (found?.username !== username) throw new Error(`There is no account named ${username}.`);
    return found;
  }
  async function act<S extends z.ZodType>(username: string, action: string, body: object, answer: S) {
    const { accountId } = await find(username);
    return call({
      method: action === "role" ? "PUT" : "POST",
      path: `/api/user/admin/accounts/${accountId}/${action}`,
      body,
      answer,
    });
  }

  return {
    list,
    find,
    audit: async (username: string, query: Record<string, string | number | undefined>) =>
      get(`/accounts/${(await find(username)).accountId}/audit?${toQuery(query)}`, auditPage),
    change: (username: string, action: string, body: object) => act(username, action, body, operatedAccount),
    revokeSessions: (username: string, body: object) =>
      act(username, "revoke-sessions", body, sessionsRevoked),
    rotateKeys: (body: object) =>
      call({ method: "POST", path: "/api/user/admin/keys/rotate", body, answer: keysRotated }),
    async signOut(): Promise<boolean> {
      if (token === undefined) return false;
      await endSession(token.accessToken);
      tokens.remove();
      return true;
    },
  };
}

export type OperatorClient = ReturnType<typeof createOperatorClient>;

function toQuery(query: Record<string, string | number | undefined>): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  return new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
}
