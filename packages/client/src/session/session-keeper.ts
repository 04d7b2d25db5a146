import { ACCESS_TOKEN_SECONDS } from "@sotto/contracts/access-token";
import type { Session } from "@sotto/contracts/user-api";
import type { DeviceStore, Transaction, Transactor } from "@sotto/e2ee/store";
import type { AuthorizedRequest } from "../api/chat-api.ts";
import type { Http } from "../api/http.ts";
import { bearer, type UserApi } from "../api/user-api.ts";
import type { Clock } from "../clock.ts";
import { deleteSession, findSession, putSession, type StoredSession } from "../rows/account-rows.ts";
import { SottoError } from "../sotto-error.ts";
import { isSessionOver, isTokenRefused } from "./session-rules.ts";

type Deps = {
  readonly clock: Clock;
  readonly store: DeviceStore;
  readonly transact: Transactor["transact"];
  readonly http: Http;
  readonly user: Pick<UserApi, "refresh">;
};

/** The same session with another access token. */
export type AccessReplacement = Pick<Session, "sessionId" | "accessToken" | "accessTokenExpiresAt">;

/**
 * Holds the tokens of the one session of this store. A token is renewed when four fifths of its life are over, and once
 * when the server refuses it. Exchanges of tokens (renewals, and proving once more who it is) never overlap: each sees
 * what the one before it left. New tokens are durable before they are used.
 */
export class SessionKeeper {
  readonly #deps: Deps;
  #current: StoredSession | undefined;
  #renewal: Promise<string> | undefined;
  /** Ends, never fails, when the last exchange of tokens that was asked for has ended. */
  #turns: Promise<unknown> = Promise.resolve();
  #authentications = 0;
  /** Told when the server has ended the session. */
  onEnded: (error: SottoError) => void = () => {};

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    this.#current = await findSession(this.#deps.store);
  }

  get current(): StoredSession | undefined {
    return this.#current;
  }

  /** Makes `session` the one of this store, in the caller's transaction; call `load` once it is committed. */
  store(tx: Transaction, session: Session): void {
    putSession(tx, this.#toStored(session));
  }

  /** Forgets the tokens of that session, not the keys. A session that took its place meanwhile stays. */
  async forget(sessionId: string): Promise<void> {
    if (this.#current?.sessionId === sessionId) this.#current = undefined;
    await this.#deps.transact(async (tx) => {
      if ((await findSession(tx))?.sessionId === sessionId) deleteSession(tx);
    });
  }

  /** An access token that is good for a while; throws `not_signed_in`, or what renewing throws. */
  async token(): Promise<string> {
    const current = this.#getCurrent();
    return this.#deps.clock.now() < current.renewAt ? current.accessToken : this.renew();
  }

  /** Milliseconds until the token should be renewed. */
  renewInMs(): number {
    const { clock } = this.#deps;
    return Math.max(1000, (this.#current?.renewAt ?? clock.now()) - clock.now());
  }

  /** How often this session has proved once more who it is, as far as this process knows. */
  get authentications(): number {
    return this.#authentications;
  }

  /** Exchanges the refresh token. A final refusal ends the session here too. */
  renew(): Promise<string> {
    const refused = this.#current?.accessToken;
    this.#renewal ??= this.#inTurn(async () => {
      // Who proved itself meanwhile has brought a new token with it.
      const { accessToken } = this.#getCurrent();
      return accessToken === refused ? this.#exchange() : accessToken;
    }).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** Puts the access token that `prove` gets for the present one in its place; the refresh token stays. */
  reauthenticate(prove: (accessToken: string) => Promise<AccessReplacement>): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#replaceAccess(prove);
      } catch (error) {
        if (!isTokenRefused(error)) throw error;
        await this.#exchange();
        await this.#replaceAccess(prove);
      }
    });
  }

  readonly request: AuthorizedRequest = (request, headers = {}) =>
    this.#withToken((token) => this.#deps.http.request(request, { ...headers, ...bearer(token) }));

  /** As `Http.download`, as the signed-in account. */
  readonly download = (path: string): Promise<Uint8Array> =>
    this.#withToken((token) => this.#deps.http.download(path, bearer(token)));

  async #withToken<T>(call: (accessToken: string) => Promise<T>): Promise<T> {
    const token = await this.token();
    try {
      return await call(token);
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      // Another request may have renewed it meanwhile.
      return await call(this.#current?.accessToken === token ? await this.renew() : await this.token());
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => undefined);
    return turn;
  }

  async #exchange(): Promise<string> {
    const before = this.#getCurrent();
    try {
      const session = this.#toStored(await this.#deps.user.refresh(before.refreshToken));
      await this.#replace(before, session);
    } catch (error) {
      if (this.#current === before && isSessionOver(error)) {
        await this.forget(before.sessionId);
        this.onEnded(error);
      }
      throw error;
    }
    return this.#getCurrent().accessToken;
  }

  async #replaceAccess(prove: (accessToken: string) => Promise<AccessReplacement>): Promise<void> {
    const before = this.#getCurrent();
    const answer = await prove(before.accessToken);
    if (answer.sessionId !== before.sessionId) {
      throw new SottoError("bad_answer", "The server answered with another session");
    }
    await this.#replace(before, this.#toStored({ ...answer, refreshToken: before.refreshToken }));
    this.#authentications += 1;
  }

  /** A sign-out or a new sign-in during the exchange wins. */
  async #replace(before: StoredSession, after: StoredSession): Promise<void> {
    await this.#deps.transact(async (tx) => {
      if ((await findSession(tx))?.refreshToken === before.refreshToken) putSession(tx, after);
    });
    if (this.#current === before) this.#current = after;
  }

  #getCurrent(): StoredSession {
    if (this.#current === undefined) throw new SottoError("not_signed_in", "Sign in first");
    return this.#current;
  }

  #toStored({ sessionId, accessToken, refreshToken, accessTokenExpiresAt }: Session): StoredSession {
    if (accessToken === undefined || refreshToken === undefined) {
      throw new SottoError("bad_answer", "The server sent no tokens");
    }
    const now = this.#deps.clock.now();
    // The server's clock against this one: within what a token can live, or one of the two clocks is wrong.
    const left = Date.parse(accessTokenExpiresAt) - now;
    const lifeMs = left > 0 && left <= ACCESS_TOKEN_SECONDS * 1000 ? left : ACCESS_TOKEN_SECONDS * 1000;
    return { sessionId, accessToken, refreshToken, renewAt: now + lifeMs * 0.8 };
  }
}
