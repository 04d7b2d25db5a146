import { createHmac, randomUUID } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createTokenVerifier, remoteKeys } from "./token-verifier.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const nowSeconds = NOW.getTime() / 1000;
const accountId = randomUUID();
const sessionId = randomUUID();
const claims = {
  iss: TOKEN_ISSUER,
  aud: TOKEN_AUDIENCE,
  sub: accountId,
  sid: sessionId,
  auth_time: nowSeconds - 60,
  iat: nowSeconds,
  exp: nowSeconds + 600,
};

let time = NOW;
const clock = { now: () => time, monotonicMs: () => 0 };

type Key = { kid: string; privateKey: CryptoKey; jwk: JWK };
let key: Key;
beforeAll(async () => {
  key = await createKey("k1");
});
beforeEach(() => {
  time = NOW;
});

async function createKey(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA");
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" } };
}

const sign = (payload: JWTPayload, { kid, privateKey } = key) =>
  new SignJWT(payload).setProtectedHeader({ alg: "EdDSA", kid, typ: "JWT" }).sign(privateKey);

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The endpoint of the user service: `published` is what it answers, or a status. */
async function startKeys(port = 0) {
  const endpoint = { published: { keys: [key.jwk] } as { keys: JWK[] } | number, asked: 0, port: 0 };
  const server = http.createServer((_request, response) => {
    endpoint.asked += 1;
    if (typeof endpoint.published === "number") response.writeHead(endpoint.published).end("no");
    else response.setHeader("Content-Type", "application/json").end(JSON.stringify(endpoint.published));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  endpoint.port = (server.address() as AddressInfo).port;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  closers.push(close);
  const verifier = createTokenVerifier({ keys: remoteKeys(`http://127.0.0.1:${endpoint.port}/jwks`), clock });
  return { endpoint, verifier, close };
}
const closers: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closers.map((close) => close())));

test("a token of the user service names its account, its session and its end", async () => {
  const { verifier, endpoint } = await startKeys();
  expect(await verifier.verify(await sign(claims))).toEqual({
    accountId,
    sessionId,
    expiresAt: new Date((nowSeconds + 600) * 1000),
    authenticatedAt: new Date((nowSeconds - 60) * 1000),
  });
  await verifier.verify(await sign(claims));
  expect(endpoint.asked).toBe(1);
});

test("a token that anybody could have made is refused", async () => {
  const { verifier } = await startKeys();
  const stranger = await createKey("k1");
  const publicKey = Buffer.from(key.jwk.x ?? "", "base64url");
  const hmac = (alg: string, hash: string, secret: Buffer | string) => {
    const head = `${encode({ alg, kid: "k1" })}.${encode(claims)}`;
    return `${head}.${createHmac(hash, secret).update(head).digest("base64url")}`;
  };
  const good = await sign(claims);
  const [head, , signature] = good.split(".");
  const forged: Record<string, string> = {
    "alg none": `${encode({ alg: "none" })}.${encode(claims)}.`,
    "alg none with a kid and a signature": `${encode({ alg: "none", kid: "k1" })}.${encode(claims)}.${signature}`,
    "HS256 with the public key": hmac("HS256", "sha256", publicKey),
    "HS256 with the public JWK": hmac("HS256", "sha256", JSON.stringify(key.jwk)),
    "HS512 with the public key": hmac("HS512", "sha512", publicKey),
    "another key under the same kid": await sign(claims, stranger),
    "a key that it brings itself": await new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", kid: "k1", jwk: stranger.jwk })
      .sign(stranger.privateKey),
    "other claims under a good signature": `${head}.${encode({ ...claims, sub: randomUUID() })}.${signature}`,
    "a cut signature": good.slice(0, -4),
    "not a token": "a.b.c",
    nothing: "",
  };
  for (const [name, token] of Object.entries(forged)) {
    await expect(verifier.verify(token), name).rejects.toMatchObject({ code: "unauthenticated" });
  }
});

test("a key of another algorithm signs no tokens, even when it is published", async () => {
  for (const alg of ["ES256", "RS256"]) {
    const { endpoint, verifier } = await startKeys();
    const { privateKey, publicKey } = await generateKeyPair(alg);
    endpoint.published = { keys: [key.jwk, { ...(await exportJWK(publicKey)), kid: alg, alg, use: "sig" }] };
    const token = await new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(privateKey);
    await expect(verifier.verify(token), alg).rejects.toMatchObject({ code: "unauthenticated" });
  }
});

test("a good signature is not enough: issuer, audience and every claim must be right", async () => {
  const { verifier } = await startKeys();
  const wrong: object[] = [
    { ...claims, iss: "evil" },
    { ...claims, aud: "another-api" },
    { ...claims, sub: "root" },
    { ...claims, sid: undefined },
    { ...claims, exp: undefined },
    { ...claims, iss: undefined, aud: undefined },
    { ...claims, nbf: nowSeconds + 60 },
  ];
  for (const payload of wrong) {
    const token = await sign(JSON.parse(JSON.stringify(payload)) as JWTPayload);
    await expect(verifier.verify(token), JSON.stringify(payload)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  }
});

test("the injected clock decides when a token has expired", async () => {
  const { verifier } = await startKeys();
  const token = await sign(claims);
  time = new Date((nowSeconds + 599) * 1000);
  await verifier.verify(token);
  time = new Date((nowSeconds + 600) * 1000);
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: "token_expired" });
});

test("while the keys cannot be fetched the service is unavailable, and it recovers by itself", async () => {
  const { endpoint, verifier, close } = await startKeys();
  const token = await sign(claims);
  await close();
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 2 });
  const again = await startKeys(endpoint.port);
  for (const published of [500, 404, { keys: "none" } as never]) {
    again.endpoint.published = published;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unavailable" });
  }
  again.endpoint.published = { keys: [key.jwk] };
  expect((await verifier.verify(token)).accountId).toBe(accountId);
});

test("keys that were fetched once verify on while the endpoint is away", async () => {
  const { verifier, close } = await startKeys();
  await verifier.verify(await sign(claims));
  await close();
  await verifier.verify(await sign(claims));
});

test("a new key is found without a restart, and unknown ones cost one fetch in five seconds", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    const { endpoint, verifier } = await startKeys();
    await verifier.verify(await sign(claims));
    const next = await createKey("k2");
    const token = await sign(claims, next);
    for (let attempt = 0; attempt < 10; attempt++) {
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unauthenticated" });
    }
    expect(endpoint.asked).toBe(1);
    endpoint.published = { keys: [next.jwk, key.jwk] };
    vi.advanceTimersByTime(5001);
    expect((await verifier.verify(token)).accountId).toBe(accountId);
    await verifier.verify(await sign(claims));
    expect(endpoint.asked).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
