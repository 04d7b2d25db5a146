import type { Session } from "@sotto/contracts/user-api";
import { createTransactor } from "@sotto/e2ee/store";
import { describe, expect, it } from "vitest";
import type { Http } from "../api/http.ts";
import { isoTime } from "../clock.ts";
import { findSession } from "../rows/account-rows.ts";
import { SottoError } from "../sotto-error.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { hastyClock } from "../testing/test-device.ts";
import { type AccessReplacement, SessionKeeper } from "./session-keeper.ts";

const sessionId = "0198c0de-0000-7000-8000-000000000001";

async function keeper(refresh: (refreshToken: string) => Promise<Session>) {
  const store = await memoryStore().open();
  const { transact } = createTransactor(store);
  let now = hastyClock.now();
  const clock = { ...hastyClock, now: () => now };
  const accepted = new Set(["access-1"]);
  const used: string[] = [];
  const http: Http = {
    async request(_request, headers = {}) {
      const token = headers.authorization?.replace("Bearer ", "") ?? "";
      used.push(token);
      if (!accepted.has(token)) throw new SottoError("token_expired", "expired");
      return undefined as never;
    },
    download: () => Promise.reject(new Error("not part of this test")),
    close: () => {},
  };
  const session = new SessionKeeper({ clock, store, transact, http, user: { refresh } });
  await transact(async (tx) => session.store(tx, tokens(1, now + 600_000)));
  await session.load();
  const pass = (ms: number) => {
    now += ms;
  };
  return { session, store, accepted, used, pass };
}

function tokens(number: number, expiresAt: number): Session {
  return {
    sessionId,
    accessToken: `access-${number}`,
    refreshToken: `refresh-${number}-0123456789abcdef`,
    accessTokenExpiresAt: isoTime(expiresAt),
  };
}

const later = () => tokens(2, hastyClock.now() + 1_200_000);

describe("the session keeper", () => {
  it("renews before the token ends, once for all that ask at the same time", async () => {
    const asked: string[] = [];
    const { session, store, pass } = await keeper(async (refreshToken) => {
      asked.push(refreshToken);
      return later();
    });
    expect(await session.token()).toBe("access-1");
    pass(500_000);
    expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(
      Array.from({ length: 3 }, () => "access-2"),
    );
    expect(asked).toEqual(["refresh-1-0123456789abcdef"]);
    expect((await findSession(store))?.refreshToken).toBe("refresh-2-0123456789abcdef");
  });

  it("renews once when a token is refused, and repeats the request with the new one", async () => {
    const { session, accepted, used } = await keeper(async () => later());
    accepted.clear();
    accepted.add("access-2");
    await Promise.all([
      session.request({ method: "GET", path: "/a" }),
      session.request({ method: "GET", path: "/b" }),
    ]);
    expect(used.filter((token) => token === "access-2")).toHaveLength(2);
    accepted.clear();
    await expect(session.request({ method: "GET", path: "/c" })).rejects.toMatchObject({
      code: "token_expired",
    });
  });

  it.each(["session_revoked", "unauthenticated", "token_expired"] as const)(
    "ends the session here when the server refuses to renew it with %s",
    async (code) => {
      const { session, store } = await keeper(async () => {
        throw new SottoError(code, "gone");
      });
      const ended: string[] = [];
      session.onEnded = (error) => ended.push(error.code);
      await expect(session.renew()).rejects.toMatchObject({ code });
      expect(ended).toEqual([code]);
      expect(await findSession(store)).toBeUndefined();
      await expect(session.token()).rejects.toMatchObject({ code: "not_signed_in" });
    },
  );

  it.each([
    "network",
    "internal",
    "unavailable",
    "rate_limited",
    "bad_answer",
    "not_found",
    "bad_request",
    "forbidden",
    "invalid_credentials",
  ] as const)("keeps the session when renewing fails with %s", async (code) => {
    const { session, store } = await keeper(async () => {
      throw new SottoError(code, "try later");
    });
    await expect(session.renew()).rejects.toMatchObject({ code });
    expect(await findSession(store)).toBeDefined();
  });

  it("does not bring back a session that was signed out of while it was renewed", async () => {
    const { promise, resolve } = Promise.withResolvers<Session>();
    const { session, store } = await keeper(() => promise);
    const renewal = session.renew();
    await session.forget(sessionId);
    resolve(later());
    await expect(renewal).rejects.toMatchObject({ code: "not_signed_in" });
    expect(await findSession(store)).toBeUndefined();
  });

  it("forgets the session it is told to, never the one that took its place", async () => {
    const { session, store } = await keeper(async () => later());
    await session.forget("0198c0de-0000-7000-8000-00000000000f");
    expect(session.current?.sessionId).toBe(sessionId);
    expect((await findSession(store))?.sessionId).toBe(sessionId);
  });

  it("takes its own clock for wrong rather than renewing without end", async () => {
    const { session } = await keeper(async () => tokens(2, hastyClock.now() - 86_400_000));
    await session.renew();
    expect(session.renewInMs()).toBeGreaterThan(400_000);
  });
});

describe("proving once more whose a session is", () => {
  const fresh = (): AccessReplacement => ({
    sessionId,
    accessToken: "access-fresh",
    accessTokenExpiresAt: isoTime(hastyClock.now() + 600_000),
  });

  it("puts the new access token beside the refresh token that is there, durably", async () => {
    const { session, store } = await keeper(async () => later());
    const used: string[] = [];
    await session.reauthenticate(async (token) => {
      used.push(token);
      return fresh();
    });
    expect(used).toEqual(["access-1"]);
    expect(await session.token()).toBe("access-fresh");
    expect(await findSession(store)).toMatchObject({
      accessToken: "access-fresh",
      refreshToken: "refresh-1-0123456789abcdef",
    });
    expect(session.authentications).toBe(1);
  });

  it("waits for a renewal that is under way, whose older access token cannot come after it", async () => {
    const { promise, resolve } = Promise.withResolvers<Session>();
    const { session, store } = await keeper(() => promise);
    const renewal = session.renew();
    const used: string[] = [];
    const proof = session.reauthenticate(async (token) => {
      used.push(token);
      return fresh();
    });
    resolve(later());
    await Promise.all([renewal, proof]);
    expect(used).toEqual(["access-2"]);
    expect(await findSession(store)).toMatchObject({
      accessToken: "access-fresh",
      refreshToken: "refresh-2-0123456789abcdef",
    });
  });

  it("spares the renewals that were asked for meanwhile, which get the fresh token", async () => {
    const asked: string[] = [];
    const { session } = await keeper(async (refreshToken) => {
      asked.push(refreshToken);
      return later();
    });
    const { promise, resolve } = Promise.withResolvers<AccessReplacement>();
    const proof = session.reauthenticate(() => promise);
    const renewals = [session.renew(), session.renew()];
    resolve(fresh());
    expect(await Promise.all(renewals)).toEqual(["access-fresh", "access-fresh"]);
    await proof;
    expect(asked).toEqual([]);
  });

  it("fails alone: what waits to renew then renews", async () => {
    const { session } = await keeper(async () => later());
    const { promise, reject } = Promise.withResolvers<AccessReplacement>();
    const proof = session.reauthenticate(() => promise);
    const renewal = session.renew();
    reject(new SottoError("invalid_credentials", "wrong"));
    await expect(proof).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(await renewal).toBe("access-2");
    expect(session.authentications).toBe(0);
  });

  it("renews a token that was refused, once, and proves it with the new one", async () => {
    const { session, store } = await keeper(async () => later());
    const used: string[] = [];
    const prove = (goodToken: string) => async (token: string) => {
      used.push(token);
      if (token !== goodToken) throw new SottoError("token_expired", "expired");
      return fresh();
    };
    await session.reauthenticate(prove("access-2"));
    expect(used).toEqual(["access-1", "access-2"]);
    expect(await findSession(store)).toMatchObject({
      accessToken: "access-fresh",
      refreshToken: "refresh-2-0123456789abcdef",
    });
    await expect(session.reauthenticate(prove("none"))).rejects.toMatchObject({ code: "token_expired" });
    expect(used).toEqual(["access-1", "access-2", "access-fresh", "access-2"]);
  });

  it("neither brings back a session that was signed out of meanwhile, nor believes in another one", async () => {
    const { session, store } = await keeper(async () => later());
    const other = { ...fresh(), sessionId: "0198c0de-0000-7000-8000-00000000000f" };
    await expect(session.reauthenticate(async () => other)).rejects.toMatchObject({ code: "bad_answer" });
    const { promise, resolve } = Promise.withResolvers<AccessReplacement>();
    const begun = Promise.withResolvers<void>();
    const proof = session.reauthenticate(() => {
      begun.resolve();
      return promise;
    });
    await begun.promise;
    await session.forget(sessionId);
    resolve(fresh());
    await proof;
    expect(session.current).toBeUndefined();
    expect(await findSession(store)).toBeUndefined();
  });
});
