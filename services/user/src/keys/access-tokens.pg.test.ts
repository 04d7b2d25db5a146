import { randomBytes } from "node:crypto";
import { ACCESS_TOKEN_SECONDS, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import { createTokenVerifier } from "@sotto/platform/token-verifier";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, importJWK, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Registered, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { publicHalf, type SigningKey, toSigningKey } from "./signing-key.ts";
import { readSigningKeys } from "./signing-key-fixture.ts";

let user: UserApp;
let alice: Registered;
let signingKey: SigningKey;
beforeAll(async () => {
  user = await startUserApp();
  alice = await user.register("alice");
  [signingKey] = (await readSigningKeys(user)) as [SigningKey];
});
afterAll(() => user.close());

type Forgery = { key?: SigningKey; kid?: string; iss?: string; aud?: string; sub?: string; age?: number };

/** A token like the service's own, but for what is forged. */
async function forge(forgery: Forgery, claims: Record<string, unknown> = {}): Promise<string> {
  const key = forgery.key ?? signingKey;
  const issuedAt = Math.floor(user.clock.now().getTime() / 1000) - (forgery.age ?? 0);
  return new SignJWT({ sid: alice.sessionId, auth_time: issuedAt, ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid: forgery.kid ?? key.kid, typ: "JWT" })
    .setIssuer(forgery.iss ?? TOKEN_ISSUER)
    .setAudience(forgery.aud ?? TOKEN_AUDIENCE)
    .setSubject(forgery.sub ?? alice.accountId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .sign(await importJWK(key, "EdDSA"));
}

function unsigned(header: Record<string, unknown>, payload: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(payload)}.`;
}

async function codeOf(token: string): Promise<string> {
  const response = await user.get("/me", { token });
  if (response.status === 200) return "accepted";
  expect(response.status).toBe(401);
  expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
  return ((await response.json()) as { code: string }).code;
}

test("the service's own token names account, session, key and an end in ten minutes", async () => {
  expect(decodeProtectedHeader(alice.accessToken)).toEqual({ alg: "EdDSA", kid: signingKey.kid, typ: "JWT" });
  const claims = decodeJwt(alice.accessToken);
  expect(claims).toEqual({
    iss: "sotto",
    aud: "sotto-api",
    sub: alice.accountId,
    sid: alice.sessionId,
    auth_time: claims.iat,
    iat: expect.any(Number),
    exp: (claims.iat ?? 0) + 600,
  });
  expect(await codeOf(alice.accessToken)).toBe("accepted");
  expect(await codeOf(await forge({}))).toBe("accepted");
});

test("a token by any other key, algorithm, issuer, audience or time is refused", async () => {
  const payload = decodeJwt(alice.accessToken);
  const [head = "", body = "", signature = ""] = alice.accessToken.split(".");
  const { kid } = signingKey;
  const otherKey = { ...toSigningKey(randomBytes(32)), kid };
  const symmetric = await new SignJWT({ ...payload })
    .setProtectedHeader({ alg: "HS256", kid })
    .sign(Buffer.from(signingKey.x, "base64url"));
  const refused: Record<string, string> = {
    "alg none": unsigned({ alg: "none" }, payload),
    "alg none with the right kid": unsigned({ alg: "none", kid, typ: "JWT" }, payload),
    "EdDSA without a signature": unsigned({ alg: "EdDSA", kid }, payload),
    "HMAC by the public key": symmetric,
    "another key": await forge({ key: otherKey }),
    "an unknown kid": await forge({ kid: "key-9" }),
    "another issuer": await forge({ iss: "evil" }),
    "another audience": await forge({ aud: "other-api" }),
    "no session": await forge({}, { sid: undefined }),
    "a session that is no id": await forge({}, { sid: "' or 1=1 --" }),
    "an account that is no id": await forge({ sub: "alice" }),
    "changed claims": `${head}.${Buffer.from(JSON.stringify({ ...payload, sub: alice.sessionId })).toString("base64url")}.${signature}`,
    "a cut signature": `${head}.${body}.${signature.slice(0, -4)}`,
    "no token": "x",
  };
  for (const [what, token] of Object.entries(refused)) {
    expect(await codeOf(token), what).toBe("unauthenticated");
  }
  expect(await codeOf(await forge({ age: ACCESS_TOKEN_SECONDS + 1 }))).toBe("token_expired");
});

test("a token of a session that does not exist is refused", async () => {
  const sid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
  expect(await codeOf(await forge({}, { sid }))).toBe("session_revoked");
});

test("the published keys are public halves only, at both addresses, and may be cached", async () => {
  for (const path of ["/.well-known/jwks.json", "/api/user/.well-known/jwks.json"]) {
    const response = await user.send("GET", path);
    expect(response.headers.get("Cache-Control")).toBe("public, max-age=300");
    const { keys } = (await response.json()) as { keys: JWK[] };
    expect(keys).toEqual([publicHalf(signingKey)]);
    expect(keys[0]).not.toHaveProperty("d");
    const verifier = createTokenVerifier({ keys: createLocalJWKSet({ keys }), clock: user.clock });
    const { accountId, sessionId } = alice;
    expect(await verifier.verify(alice.accessToken)).toMatchObject({ accountId, sessionId });
  }
});
