import { ACCESS_TOKEN_SECONDS } from "@sotto/contracts/access-token";
import type { Session } from "@sotto/contracts/user-api";
import type { DeviceStore, Transaction, Transactor } from "@sotto/e2ee/store";
import type { AuthorizedRequest } from "../api/chat-api.ts";
import type { Http } from "../api/http.ts";
import { bearer, type UserApi } from "../api/user-api.ts";
import type { Clock } from "../clock.ts";
import { deleteSession, findSession, putSession, type StoredSession } from "../rows/account-rows.ts";
import { hasCode, SottoError } from "../sotto-error.ts";
import { isSessionOver } from "./session-rules.ts";

type Deps = {
  readonly clock: Clock;
  readonly store: DeviceStore;
  readonly transact: Transactor["transact"];
  readonly http: Http;
  readonly user: UserApi;
};

/**
 * Holds the tokens of the one session of this store. A token is renewed when four fifths of its life are over, and once
 * when the server refuses it; renewals never overlap. New tokens are durable before they are used.
 */
export class SessionKeeper {
  readonly #deps: Deps;
  #current: StoredSession | undefined;
  #renewal: Promise<string> | undefined;
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

  /** Exchanges the refresh token. A final refusal ends the session here too. */
  renew(): Promise<string> {
    this.#renewal ??= this.#exchange().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  readonly request: AuthorizedRequest = async (request, headers = {}) => {
    const { http } = this.#deps;
    const token = await this.token();
    try {
      return await http.request(request, { ...headers, ...bearer(token) });
    } catch (error) {
      if (!hasCode(error, "token_expired", "unauthenticated", "session_revoked")) throw error;
      // Another request may have renewed it meanwhile.
      const fresh = this.#current?.accessToken === token ? await this.renew() : await this.token();
      return await http.request(request, { ...headers, ...bearer(fresh) });
    }
  };

  async #exchange(): Promise<string> {
    const before = this.#getCurrent();
    try {
      const session = this.#toStored(await this.#deps.user.refresh(before.refreshToken));
      // A sign-out or a new sign-in during the exchange wins.
      if (this.#current !== before) return await this.token();
      await this.#deps.transact(async (tx) => {
        if ((await findSession(tx))?.refreshToken === before.refreshToken) putSession(tx, session);
      });
      if (this.#current !== before) return await this.token();
      this.#current = session;
      return session.accessToken;
    } catch (error) {
      if (this.#current === before && isSessionOver(error)) {
        await this.forget(before.sessionId);
        this.onEnded(error);
      }
      throw error;
    }
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
