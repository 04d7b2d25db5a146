import { AppError } from "@sotto/platform/app-error";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import type { Transaction } from "kysely";
import { notifyOwner } from "../audit/notify-owner.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import type { TokenHolder } from "../keys/access-tokens.ts";
import type { IssuedSession } from "./prepare-session.ts";
import { advanceChain, judgeRefresh } from "./refresh-chain.ts";
import {
  isIssuedBy,
  makeRefreshToken,
  type PresentedToken,
  REFRESH_SECRET_BYTES,
  readRefreshToken,
} from "./refresh-token.ts";
import { revokeSession } from "./revoke-session.ts";
import { isUnusedTooLong } from "./session-age.ts";
import { findSessionForUpdate, updateRefreshChain } from "./session-queries.ts";

type SessionOrigin = Origin & { readonly sessionId: string };
type Deps = Pick<UserContext, "db" | "accessTokens" | "clock" | "ids" | "limits" | "randomBytes">;

/**
 * Trades a refresh token for a new pair of tokens. A client whose answer was lost may repeat the request.
 * @throws AppError `unauthenticated` for a token that is none of ours, `token_expired` after long disuse,
 * `session_revoked` for an ended session, which a token used by two ends, or one of an account that may not act,
 * `rate_limited`.
 */
export async function refreshSession(
  context: Deps,
  refreshToken: string,
  { address }: Origin,
): Promise<IssuedSession> {
  const token = readRefreshToken(refreshToken);
  if (!token) throw unknownToken();
  await context.limits.take("refresh.session", token.sessionId);
  const rotated = await context.db.transaction().execute((tx) => rotate(tx, context, token, address));
  // Thrown after the commit: an error inside would undo the revocation.
  if (rotated === "reused") {
    throw new AppError("session_revoked", "This refresh token was used before. The session has been ended.");
  }
  // Should this fail after the commit, the client repeats the request.
  const { sessionId } = token;
  const access = await context.accessTokens.sign({ ...rotated.holder, sessionId });
  return {
    sessionId,
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt,
    refreshToken: rotated.refreshToken,
  };
}

async function rotate(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  token: PresentedToken,
  address: string | undefined,
): Promise<{ holder: Omit<TokenHolder, "sessionId">; refreshToken: string } | "reused"> {
  const { sessionId } = token;
  const session = await findSessionForUpdate(tx, sessionId);
  if (!session || !isIssuedBy(token, session.refreshKey)) throw unknownToken();
  if (session.revokedAt || !session.isActive)
    throw new AppError("session_revoked", "The session has been ended.");
  const at = context.clock.now();
  if (isUnusedTooLong(session.lastUsedAt, at)) {
    throw new AppError("token_expired", "The session was not used for too long. Sign in again.");
  }
  const judgement = judgeRefresh(session.chain, token.hash);
  if (judgement === "reused") {
    await endReused(tx, context, {
      ...session,
      origin: { address, sessionId, client: session.client ?? undefined },
    });
    return "reused";
  }
  const successor = makeRefreshToken({
    sessionId,
    secret: context.randomBytes(REFRESH_SECRET_BYTES),
    key: session.refreshKey,
  });
  const chain = advanceChain(session.chain, {
    judgement,
    usedHash: token.hash,
    successorHash: successor.hash,
  });
  await updateRefreshChain(tx, sessionId, { chain, at });
  const { accountId, authenticatedAt } = session;
  return { holder: { accountId, authenticatedAt }, refreshToken: successor.text };
}

/** Two hold tokens of one session, and nobody can tell which of them is its owner, who must hear of it. */
async function endReused(
  tx: Transaction<AccountDatabase>,
  context: Deps,
  { accountId, client, origin }: { accountId: string; client: string | null; origin: SessionOrigin },
): Promise<void> {
  await revokeSession(tx, context, origin.sessionId);
  await recordAudit(tx, context, { accountId, type: "refresh-token-reused", origin });
  await notifyOwner(tx, context, { accountId, notice: "refresh-token-reused", client });
}

function unknownToken(): AppError {
  return new AppError("unauthenticated", "The refresh token is not valid.");
}
