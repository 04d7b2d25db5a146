import type { UserContext } from "../context.ts";
import { startChain } from "./refresh-chain.ts";
import { makeRefreshToken, REFRESH_SECRET_BYTES } from "./refresh-token.ts";
import type { NewSession } from "./session-queries.ts";

/** What a client gets of its session. */
export type IssuedSession = {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
};

const REFRESH_KEY_BYTES = 32;

/**
 * Makes a session and its tokens. The tokens are made before the row is stored, so that nothing can fail between
 * the commit and the answer; they are worth nothing until the caller has stored `row`.
 */
export async function prepareSession(
  context: Pick<UserContext, "accessTokens" | "clock" | "ids" | "randomBytes">,
  { accountId, client }: { accountId: string; client: string | undefined },
): Promise<{ row: NewSession; issued: IssuedSession }> {
  const sessionId = context.ids.uuidv7();
  const key = context.randomBytes(REFRESH_KEY_BYTES);
  const secret = context.randomBytes(REFRESH_SECRET_BYTES);
  const refresh = makeRefreshToken({ sessionId, secret, key });
  const at = context.clock.now();
  const access = await context.accessTokens.sign({ accountId, sessionId, authenticatedAt: at });
  return {
    row: {
      sessionId,
      accountId,
      refreshKey: key,
      chain: startChain(refresh.hash),
      client: client ?? null,
      at,
    },
    issued: {
      sessionId,
      accessToken: access.token,
      accessTokenExpiresAt: access.expiresAt,
      refreshToken: refresh.text,
    },
  };
}
