// Access tokens signed by a key of the tests, and the endpoint that publishes it.
import { randomUUID } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import { systemClock } from "@sotto/platform/clock";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** What may differ from a good token. */
export type TokenOptions = {
  lifetimeSeconds?: number;
  audience?: string;
  issuer?: string;
  /** How long ago the session proved who it is; 0 when nothing else is said. */
  authenticatedSecondsAgo?: number;
};

export interface TokenMaker {
  /** Where services find the public key. */
  readonly jwksUrl: string;
  /** A token of a session, ten minutes long when nothing else is said. */
  sign(accountId: string, sessionId: string, options?: TokenOptions): Promise<string>;
  close(): Promise<void>;
}

function secondsNow(): number {
  return Math.floor(systemClock.now().getTime() / 1000);
}

/** Stands in for the user service's part in access tokens: a signing key, and its JWKS on loopback. */
export async function startTokenMaker(): Promise<TokenMaker> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA");
  const kid = randomUUID();
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" }] };
  const server = http.createServer((_request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(keys));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    jwksUrl: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    sign: (
      accountId,
      sessionId,
      {
        lifetimeSeconds = 600,
        audience = TOKEN_AUDIENCE,
        issuer = TOKEN_ISSUER,
        authenticatedSecondsAgo = 0,
      } = {},
    ) =>
      new SignJWT({ sid: sessionId, auth_time: secondsNow() - authenticatedSecondsAgo })
        .setProtectedHeader({ alg: "EdDSA", kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(accountId)
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds} seconds`)
        .sign(privateKey),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
